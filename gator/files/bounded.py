"""Reads files that a user names, up to a maximum size, because a device or a pipe may never end."""

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

MAX_SETTING_BYTES: Final = 4 << 20
"""Maximum size of a file with a token, a password or certificates; bundles of the public CAs have 0.3 MB."""
SETTING_SECONDS: Final = 5.0
"""Timeout for a setting in a pipe, such as the output of a password manager in `<(pass hub)`."""
_CHUNK_BYTES: Final = 1 << 20


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Returns the content of a file of any kind, such as a pipe.

    Raises OSError if it cannot be read or has more than `max_bytes`.
    """
    with path.open("rb") as file:
        return read_stream(file, max_bytes)


def read_stream(file: BinaryIO, max_bytes: int) -> bytes:
    """Returns the rest of a file. Raises OSError if it cannot be read or has more than `max_bytes`."""
    data = bytearray()
    while piece := file.read(_CHUNK_BYTES):
        data += piece
        _check_size(data, max_bytes)
    return bytes(data)


def read_setting(path: Path, seconds: float | None = None) -> bytes:
    """Returns the content of a small file or pipe; waits at most `seconds` for a pipe.

    By default `seconds` is SETTING_SECONDS. Raises OSError if it cannot be read, has more than
    MAX_SETTING_BYTES, or is a pipe that does not end in time.
    """
    # A FIFO without a writer would block a blocking open forever.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        is_regular = stat.S_ISREG(os.fstat(fd).st_mode)
        return (
            _read_to_end(fd)
            if is_regular
            else _read_pipe(fd, SETTING_SECONDS if seconds is None else seconds)
        )
    finally:
        os.close(fd)


def _read_to_end(fd: int) -> bytes:
    data = bytearray()
    while piece := os.read(fd, _CHUNK_BYTES):
        data += piece
        _check_size(data, MAX_SETTING_BYTES)
    return bytes(data)


def _read_pipe(fd: int, seconds: float) -> bytes:
    """Returns what is written to a pipe or device until its end."""
    end = time.monotonic() + seconds
    data = bytearray()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        # A FIFO that has had no writer yet reads as empty; it reports POLLHUP only after the first one.
        if not poll.poll(left * 1000):
            continue
        try:
            piece = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            continue
        if not piece:
            return bytes(data)
        data += piece
        _check_size(data, MAX_SETTING_BYTES)
    raise TimeoutError(errno.ETIMEDOUT, f"it is a pipe that was not written within {seconds:g} s")


def _check_size(data: bytearray, max_bytes: int) -> None:
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes >> 20} MiB")
