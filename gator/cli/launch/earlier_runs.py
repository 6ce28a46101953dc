"""Determines at the end of a run which of its causes are new or came back.

Invariant: never fails, and takes a bounded time; it runs only after a failure.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gator.cli.history.folders import FolderHistory
from gator.cli.history.sightings import sightings_of
from gator.errors import GatorError, UserError
from gator.ports import EarlierRuns

_SECONDS: Final = 2.0
"""Timeout in seconds of reading earlier runs, because a user waits for the prompt."""


def find_earlier_runs(folder: Path, causes: Iterable[str]) -> EarlierRuns:
    """Returns which causes of a run that has ended are new or came back.

    Nothing is known if not all earlier runs of its series could be read.
    """
    history = FolderHistory(folder.parent, seconds=_SECONDS, warn=lambda text: None)
    try:
        run = history.run(str(folder))
        sightings = sightings_of(history, run) if run is not None else None
        if sightings is None:
            return EarlierRuns()
        listed = list(causes)
        # The headline of the first run says that each cause is new.
        known = listed if sightings.before is not None else ()
        return EarlierRuns(sightings.headline(listed), {cause: sightings.state(cause) for cause in known})
    except (GatorError, UserError, OSError):
        return EarlierRuns()
