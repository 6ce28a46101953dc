"""Reads the files of a spec; each has a maximum size."""

import errno
import stat
import sys
from pathlib import Path
from typing import Final

from gator.errors import UsageError
from gator.files.bounded import read_bounded, read_stream

MAX_SPEC_BYTES: Final = 64 << 20
"""Maximum size of one file of a spec; loading takes about 80 times as much memory."""
_ADVICE: Final = ": use a !JobArray for jobs that differ by an index only"


def read_spec(name: str) -> bytes:
    """Returns the content of a spec, which may come from a pipe; `-` is stdin.

    Raises UsageError if it cannot be read or is larger than `MAX_SPEC_BYTES`.
    """
    path = Path(name)
    try:
        if name == "-":
            return read_stream(sys.stdin.buffer, MAX_SPEC_BYTES)
        return read_bounded(path, MAX_SPEC_BYTES)
    except OSError as error:
        hint = _near_file(path) if isinstance(error, FileNotFoundError) else _advice(error)
        shown = "on stdin" if name == "-" else name
        raise UsageError(f"cannot read the spec {shown}: {error.strerror}{hint}") from error


def read_included(name: str) -> bytes:
    """Returns the content of an included file. Raises OSError if it is not a regular file or too large."""
    path = Path(name)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        # A FIFO may have no writer.
        raise OSError(errno.EINVAL, "is not a regular file", name)
    try:
        return read_bounded(path, MAX_SPEC_BYTES)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}{_advice(error)}", name) from error


def _advice(error: OSError) -> str:
    return _ADVICE if error.errno == errno.EFBIG else ""


def _near_file(path: Path) -> str:
    """Returns a question for the spec beside a missing one that was most likely meant."""
    from gator.spec.suggestions import nearest

    try:
        there = sorted(file for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError:
        return ""
    stem = nearest(path.stem, {file.stem for file in there})
    return next((f": did you mean '{file}'?" for file in there if file.stem == stem), "")
