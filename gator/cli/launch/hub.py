"""Options of `gator run` that concern a hub.

Invariant: a wrong option is an error before anything starts; a wrong environment variable is a warning.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from gator.cli.launch.notices import Notice
from gator.cli.launch.options import LaunchOptions
from gator.cli.options.values import millis_of
from gator.cli.runs.hub_names import NO_HUB, VARIABLE
from gator.errors import UsageError
from gator.units import parse_size
from gator.upload.options import ARTEFACT_BYTES, UploadOptions
from gator.upload.process import UploadProcess


def chosen_hub(options: LaunchOptions, notices: list[Notice]) -> UploadOptions | None:
    """Returns the hub that a run is sent to; None for none.

    Raises UsageError for wrong options; problems of the environment are added to `notices`.
    """
    wait_millis = millis_of(options.hub_wait, "--hub-wait")
    artefact_bytes = _artefact_bytes(options.hub_artefacts)
    named = os.environ.get(VARIABLE, "") if options.hub is None else options.hub
    if named.strip().lower() in ("", NO_HUB):
        return None
    from gator.hub_access.address import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, resolve

    try:
        access = resolve(named, os.environ, ca=options.hub_ca)
    except UsageError as error:
        if options.hub is not None:
            raise UsageError(f"--hub {options.hub}: {error}") from error
        notices.append(Notice(f"{VARIABLE} is ignored: {error}"))
        return None
    if access.source == os.environ.get(TOKEN_FILE_VARIABLE) and not Path(access.source).is_file():
        # The process that feeds the hub and the jobs cannot read a pipe again.
        os.environ[TOKEN_VARIABLE] = access.token
        del os.environ[TOKEN_FILE_VARIABLE]
    ca = options.hub_ca
    return UploadOptions(
        address=named.strip(),
        ca=str(ca.absolute()) if ca is not None else "",
        wait_seconds=3.0 if wait_millis is None else wait_millis / 1000,
        artefact_bytes=artefact_bytes,
    )


def _artefact_bytes(text: str | None) -> int:
    """Returns the value of --hub-artefacts; 0 for none. Raises UsageError."""
    if text is None:
        return ARTEFACT_BYTES
    if text.lower() == "none":
        return 0
    try:
        return parse_size(text, "MB")
    except ValueError as error:
        raise UsageError(f"--hub-artefacts {text}: {error}") from error


@contextmanager
def waiting_upload(hub: UploadOptions | None) -> Generator[UploadProcess | None]:
    """Yields the process that will feed the hub, started early because it takes long; None without a hub.

    The process is ended afterwards unless the run has taken it. If it cannot be started, the run tries again
    and reports the error.
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
