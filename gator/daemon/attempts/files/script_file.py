"""Files for scripts that are too long for an argument of bash, readable only by the user of the run."""

import os
from contextlib import suppress
from pathlib import Path


def write_script(file: str, text: str) -> None:
    """Writes the script of an attempt to a file with mode 0600. Raises OSError."""
    Path(file).parent.mkdir(exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, 0o600), "wb") as opened:
        opened.write(text.encode("utf-8", "surrogateescape"))


def remove_script(file: str) -> None:
    """Removes the script of an attempt that has ended."""
    with suppress(OSError):
        Path(file).unlink()
        Path(file).parent.rmdir()
