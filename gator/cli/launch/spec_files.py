"""Reads the files of a spec; each has a maximum size."""

import errno
import stat
import sys
from pathlib import Path
from typing import Final

from gator.errors import UsageError, reason_of
from gator.files.bounded import read_bounded, read_stream

MAX_SPEC_BYTES: Final = 64 << 20
"""Maximum size of one file of a spec; loading takes about 80 times as much memory."""
_ADVICE: Final = {
    errno.EFBIG: ": use a !JobArray for jobs that differ by an index only",
    errno.EACCES: ": check the permissions",
    errno.ENOENT: ": check the path",
    errno.EISDIR: ": name a file",
}
"""Advice for a file that cannot be read, by the number of the error."""


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
        raise UsageError(f"cannot read the spec {shown}: {reason_of(error)}{hint}") from error


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
        raise OSError(error.errno, f"{reason_of(error)}{_advice(error)}", name) from error


def _advice(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0, "")


def _near_file(path: Path) -> str:
    """Returns a question for the spec beside a missing one that was most likely meant."""
    from gator.spec.suggestions import nearest

    try:
        there = sorted(file for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError:
        return _ADVICE[errno.ENOENT]
    stem = nearest(path.stem, {file.stem for file in there})
    return next((f": did you mean '{file}'?" for file in there if file.stem == stem), _ADVICE[errno.ENOENT])
