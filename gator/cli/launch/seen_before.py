"""Says at the end of a run how many of its causes are new or came back.

Invariant: never fails, and takes a bounded time; it runs only after a failure.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gator.errors import GatorError, UserError

_SECONDS: Final = 2.0
"""Timeout in seconds of reading earlier runs, because a user waits for the prompt."""


def seen_before(folder: Path, causes: Iterable[str]) -> str:
    """Returns `1 new, 2 back since run 25cb5c26 (commits a1b2c3d4..c3d4e5f6)` for a run that has ended.

    Returns an empty text if there is no earlier run of its series, or not all of them could be read.
    """
    # Most runs do not fail, and need none of this.
    from gator.cli.history.folders import FolderHistory
    from gator.cli.history.sightings import sightings_of

    history = FolderHistory(folder.parent, seconds=_SECONDS, complain=lambda text: None)
    try:
        run = history.run(str(folder))
        seen = sightings_of(history, run) if run is not None else None
        return seen.headline(causes) if seen is not None and seen.before is not None else ""
    except (GatorError, UserError, OSError):
        return ""
