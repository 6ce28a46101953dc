"""Reads what a program adds to a file, also if the file appears late, is replaced or is truncated.

Invariant: blocks only in the file system, and never opens what is not a regular file. Runs in a thread.
"""

import errno
import os
import stat
from typing import Final

from gator.errors import reason_of

PIECE_BYTES: Final = 256 * 1024
"""Maximum number of bytes of one read."""
_BLOCK_BYTES: Final = 512
"""Unit of `st_blocks` of stat(2)."""
_CHECKED_BYTES: Final = 64
"""Number of bytes before the position that must not have changed; else the file was written anew."""


class FollowedFile:
    """One file, by its path. `shown` is its name in messages."""

    __slots__ = (
        "_before",
        "_ends_line",
        "_fd",
        "_identity",
        "_left",
        "_offset",
        "_path",
        "has_been",
        "left_out",
        "problem",
        "shown",
    )

    def __init__(self, path: str, shown: str) -> None:
        self._path = path
        self.shown = shown
        self._fd = -1
        self._identity = (0, 0)
        self._offset = 0
        self._before = b""
        """The last bytes before the position."""
        self._ends_line = False
        """Whether the line before what is read next lacks its end."""
        self._left: int | None = None
        """Maximum number of bytes still to read; None for no limit."""
        self.left_out = 0
        """Number of bytes that were left out because of the limit."""
        self.has_been = False
        """Whether there was such a file since the start."""
        self.problem = ""
        """Why the file cannot be read now; empty if it can, or if there is none."""

    def skip(self) -> None:
        """Leaves out what is in the file now, because it was written before the attempt."""
        if self._open():
            self._offset = os.fstat(self._fd).st_size
            start = max(self._offset - _CHECKED_BYTES, 0)
            self._before = os.pread(self._fd, self._offset - start, start)

    def limit(self, max_bytes: int) -> None:
        """Reads only the last bytes of the file from now on, and no more than these even if it grows."""
        if self._left is None:
            self._left = max_bytes
            if self._fd >= 0:
                self._go_to_last()

    def read(self) -> bytes:
        """Returns further bytes, at most about `PIECE_BYTES`; none if there are none now."""
        if self._left is not None and self._left <= 0:
            return b""
        try:
            data = self._read_on() if self._fd >= 0 else b""
            if data or not self._open():
                return data
            head = self._begin_anew()
            self._go_to_last()
            data = self._read_on()
            return head + data if data else b""
        except OSError as error:
            self.problem = reason_of(error)
            return b""

    def close(self) -> None:
        """Closes the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read_on(self) -> bytes:
        size = os.fstat(self._fd).st_size
        head = b"\n" if self._ends_line else b""
        if size < self._offset or (size > self._offset and not self._continues()):
            head = self._begin_anew()
        start = self._offset
        count = PIECE_BYTES if self._left is None else min(PIECE_BYTES, self._left)
        data = os.pread(self._fd, count, start)
        if data and not data.strip(b"\0"):
            self._offset = self._end_of_hole(size)
            data = os.pread(self._fd, count, self._offset)
        if self._offset != start:
            # The bytes before the position are now those of the hole.
            self._before = b""
        if not data:
            return b""
        self._ends_line = False
        self._offset += len(data)
        if self._left is not None:
            self._left -= len(data)
        self._before = (self._before + data)[-_CHECKED_BYTES:]
        return head + data

    def _go_to_last(self) -> None:
        """Goes to the first whole line of the bytes that the limit permits."""
        info = os.fstat(self._fd)
        if self._left is None or info.st_blocks * _BLOCK_BYTES <= self._left:
            return  # Holes are left out anyway.
        start = info.st_size - self._left
        if start > self._offset:
            line = os.pread(self._fd, PIECE_BYTES, start).find(b"\n") + 1
            self.left_out += start + line - self._offset
            self._ends_line = bool(self._before) and not self._before.endswith(b"\n")
            self._offset = start + line
            kept = max(self._offset - _CHECKED_BYTES, 0)
            self._before = os.pread(self._fd, self._offset - kept, kept)

    def _end_of_hole(self, size: int) -> int:
        """Returns where the next bytes that were written begin; the end of the file if there are none."""
        try:
            return os.lseek(self._fd, self._offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return max(size, self._offset)
            # The file system knows no holes.
            return self._offset

    def _continues(self) -> bool:
        """Returns whether the bytes before the position are still those that were read."""
        count = len(self._before)
        return os.pread(self._fd, count, self._offset - count) == self._before

    def _begin_anew(self) -> bytes:
        """Goes to the beginning. Returns the line end that the line before it lacks."""
        head = b"\n" if self._before and not self._before.endswith(b"\n") else b""
        self._offset, self._before = 0, b""
        return head

    def _open(self) -> bool:
        """Opens the file that the path names now; returns whether it is another one than before."""
        self.problem = ""
        try:
            info = os.stat(self._path)  # noqa: PTH116 - a str, which a thread need not parse each time
            if (info.st_dev, info.st_ino) == self._identity and self._fd >= 0:
                return False
            if not stat.S_ISREG(info.st_mode):
                self.problem = "is not a regular file"
                return False
            # It may have been replaced by a named pipe, whose reader would wait for a writer.
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self.problem = reason_of(error)
            return False
        opened = os.fstat(fd)
        if not stat.S_ISREG(opened.st_mode):
            os.close(fd)
            return False
        self.close()
        self._fd, self._identity, self.has_been = fd, (opened.st_dev, opened.st_ino), True
        return True
