"""Options of `gator run` that concern the hub: which one, what it is shown, how long it is waited for.

The rule: what the user names wrongly is told before anything starts; what only the environment names never
keeps a run from starting.
"""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from gator.cli.launch.options import millis
from gator.cli.runs.hub_options import NO_HUB, VARIABLE, label_of
from gator.errors import UsageError
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess

LONGEST_NAME = 128
LONGEST_VALUE = 512
"""Most characters of a label."""


class HubLogs(Enum):
    """Values of --hub-logs."""

    ALL = "all"
    WARNINGS = "warnings"
    NONE = "none"


def chosen_hub(
    option: str | None, ca: Path | None, wait: str | None, notices: list[tuple[str, bool]]
) -> UploadOptions | None:
    """Returns the hub that a run is to be seen in; None for none.

    Raises UsageError for wrong options; what is wrong in the environment is added to `notices`.
    """
    wait_millis = millis(wait, "--hub-wait")
    named = os.environ.get(VARIABLE, "") if option is None else option
    if named.strip().lower() in ("", NO_HUB):
        return None
    from gator.hub_address import resolve

    try:
        resolve(named, os.environ, ca=ca)
    except UsageError as error:
        if option is not None:
            raise UsageError(f"--hub {option}: {error}") from error
        notices.append((f"{VARIABLE} is left alone: {error}", True))
        return None
    return UploadOptions(
        address=named.strip(),
        ca=str(ca.absolute()) if ca is not None else "",
        wait_seconds=3.0 if wait_millis is None else wait_millis / 1000,
    )


@contextmanager
def waiting_upload(hub: UploadOptions | None) -> Generator[UploadProcess | None]:
    """Yields the process that will feed the hub, which loads while the run is made ready; None without a hub.

    It is gone afterwards, unless the run has taken it. Where it cannot be started the run tries again, and
    tells.
    """
    upload = None
    if hub is not None:
        with suppress(OSError):
            upload = UploadProcess(os.environ)
    try:
        yield upload
    finally:
        if upload is not None:
            upload.dismiss()


def labels_of(texts: Sequence[str]) -> Mapping[str, str]:
    """Returns the names that --label gives; of one given twice the last counts. Raises UsageError."""
    labels: dict[str, str] = {}
    for text in texts:
        name, value = label_of(text)
        if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
            raise UsageError(
                f"--label {text[:40]}…: a name has at most {LONGEST_NAME} characters, a value {LONGEST_VALUE}"
            )
        labels[name] = value
    return labels
