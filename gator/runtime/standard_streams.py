"""Makes standard input, output and error usable even if they are closed or non-blocking.

Invariant: output is never lost because a stream is full, and no flag of a descriptor is changed, because
other processes share it.
"""

import io
import os
import select
import sys
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from gator.runtime.text_encoding import output_encoding

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class OutputError(OSError):
    """A standard stream takes nothing more, such as a file on a full disk."""


class BlockingFile(io.RawIOBase):
    """A descriptor that is read and written as if it were blocking, regardless of its flags.

    Programs such as Node.js set O_NONBLOCK on a pipe or terminal shared with this process, possibly at any
    time. Closing the file leaves the descriptor open.
    """

    def __init__(self, descriptor: int, name: str, *, writing: bool) -> None:
        super().__init__()
        self.name = name
        self.mode = "wb" if writing else "rb"
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Returns the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Returns whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def readable(self) -> bool:
        """Returns whether it was opened for reading."""
        return self.mode == "rb"

    def writable(self) -> bool:
        """Returns whether it was opened for writing."""
        return self.mode == "wb"

    def write(self, data: "ReadableBuffer", /) -> int:
        """Writes some of the bytes, at least one; waits until there is room.

        Raises BrokenPipeError where no reader is left, and OutputError where it cannot be written.
        """
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise OutputError(error.errno, error.strerror) from error

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Reads some bytes; waits until there is one. Returns 0 at end of file."""
        while True:
            try:
                return os.readv(self._descriptor, [buffer])
            except BlockingIOError:
                self._wait(select.POLLIN)

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._descriptor, event)
        poll.poll()


def hold() -> None:
    """Makes the three standard streams usable for the rest of this process.

    A closed one is opened on /dev/null, so that no other file gets its descriptor. Non-blocking ones are
    read and written as if blocking.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    # A replaced stream, as in a test, does not use the descriptor.
    if sys.stdin is sys.__stdin__ and not os.get_blocking(0):
        sys.stdin = _patient(sys.stdin, 0, writing=False)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _patient(sys.stdout, 1, writing=True)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _patient(sys.stderr, 2, writing=True)


def _patient(stream: TextIO, number: int, *, writing: bool) -> TextIO:
    """Returns a stream like the one given that waits instead of raising BlockingIOError."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = BlockingFile(number, stream.name, writing=writing)
    buffer = io.BufferedWriter(raw) if writing else io.BufferedReader(raw)
    return io.TextIOWrapper(
        cast("BinaryIO", buffer),
        encoding=output_encoding(stream.encoding) if writing else stream.encoding,
        # Unencodable characters are escaped, so that a report never fails because of one.
        errors="backslashreplace" if writing else stream.errors,
        newline="\n" if writing else None,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
