"""Reads small files that may be untrusted: regular files only, up to a maximum size.

Invariant: reading never blocks: a FIFO, a device or a link is refused.
"""

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Returns the content of a regular file.

    Raises OSError if it cannot be read or has more than `max_bytes`.
    """
    fd = open_regular(path, _FLAGS)
    try:
        data = b""
        while piece := os.read(fd, max_bytes + 1 - len(data)):
            data += piece
            if len(data) > max_bytes:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return data
    finally:
        os.close(fd)


def open_regular(path: Path, flags: int = _FLAGS) -> int:
    """Returns a descriptor of an existing regular file, opened without waiting and without following a link.

    Raises OSError if the path names anything else.
    """
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return fd


def is_regular(path: Path) -> bool:
    """Returns whether a path names a regular file, not a link to one. Raises PermissionError."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except PermissionError:
        raise
    except OSError:
        return False
