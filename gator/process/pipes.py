"""Reads the output of jobs, without blocking and fairly.

All pipes of a loop share one epoll: adding a pipe to an event loop and removing it takes 25 µs, with an
epoll 4 µs, and most jobs are short.
"""

import enum
import errno
import fcntl
import os
import select
from asyncio import AbstractEventLoop
from collections.abc import Callable
from time import thread_time

from gator.process.portions import MAX_SECONDS, Portions

_PIPE_BYTES = 64 * 1024  # default of the kernel
_GROWN_BYTES = 1024 * 1024  # maximum for any user
_READ_BYTES = 256 * 1024
_TURN_BYTES = 512 * 1024
_EVENTS_A_TURN = 16
_READABLE = select.EPOLLIN


class _State(enum.Enum):
    READING = enum.auto()
    PAUSED = enum.auto()
    CLOSED = enum.auto()


class Pipe:
    """One stream of a job; made by `Pipes.open`. Closes its descriptor at end of file or by `close`."""

    __slots__ = (
        "_fd",
        "_full_reads",
        "_on_data",
        "_on_eof",
        "_owner",
        "_portions",
        "_rest",
        "_size",
        "_state",
        "was_cut",
    )

    def __init__(
        self, owner: "Pipes", fd: int, on_data: Callable[[bytes], None], on_eof: Callable[[], None]
    ) -> None:
        self._owner = owner
        self._fd = fd
        self._on_data = on_data
        self._on_eof = on_eof
        self._size = _PIPE_BYTES
        """Maximum number of bytes of the next read."""
        self._portions = Portions()
        self._rest = b""
        """Bytes that were read and not passed on yet."""
        self._full_reads = 0
        self._state = _State.READING
        self.was_cut = False
        """Whether the last `drain_now` stopped because of the time, so that there may be more."""

    @property
    def closed(self) -> bool:
        """Whether end of file was seen, or the pipe was closed."""
        return self._state is _State.CLOSED

    def pause(self) -> None:
        """Stops reading, so that the writer blocks when the pipe is full."""
        if self._state is _State.READING:
            self._state = _State.PAUSED
            self._owner.leave(self._fd)

    def resume(self) -> None:
        """Reads again after `pause`."""
        if self._state is _State.PAUSED:
            self._state = _State.READING
            self._owner.enter(self._fd, self)
            if self._rest:
                self._owner.read_soon(self._fd)

    def drain_now(self, limit: int = _GROWN_BYTES) -> bool:
        """Reads available bytes, about `limit` at most, even if paused; stops after about `MAX_SECONDS`.

        Returns True at end of file.
        """
        until = thread_time() + MAX_SECONDS
        self.was_cut = False
        while self._state is not _State.CLOSED and (count := self.read()):
            limit -= count
            if limit <= 0 or thread_time() > until:
                self.was_cut = limit > 0 and not self.closed
                break
        return self._state is _State.CLOSED

    def close(self) -> None:
        """Closes the descriptor without calling `on_eof`; unread bytes are lost."""
        if self._state is not _State.CLOSED:
            if self._state is _State.READING:
                self._owner.leave(self._fd)
            self._state = _State.CLOSED
            os.close(self._fd)

    def read(self) -> int:
        """Passes on the rest of the last read, or reads once. Returns the number of bytes passed on."""
        data, self._rest = self._rest, b""
        if not data:
            try:
                data = os.read(self._fd, self._size)
            except BlockingIOError:
                return 0
            except OSError as error:
                # The master of a pseudo-terminal raises EIO once all processes have closed the other side.
                if error.errno != errno.EIO:
                    raise
        if not data:
            self.close()
            self._on_eof()
            return 0
        if len(data) == self._size == _PIPE_BYTES:
            self._grow()
        rest = self._portions.pass_on(data, self._on_data, self._is_reading)
        if rest and self._state is not _State.CLOSED:
            self._rest = rest
            if self._state is _State.READING:
                self._owner.read_soon(self._fd)
        return len(data) - len(rest)

    def _is_reading(self) -> bool:
        return self._state is _State.READING

    def _grow(self) -> None:
        """Enlarges a pipe that was full twice, so that a job with much output needs fewer turns."""
        self._full_reads += 1
        if self._full_reads == 2:
            self._size = _READ_BYTES
            try:
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, _GROWN_BYTES)
            except OSError:
                # A terminal has no size, and the user may have reached the limit; 64 KiB are enough.
                self._full_reads = 3


class Pipes:
    """The pipes of one event loop."""

    __slots__ = ("_epoll", "_is_closed", "_is_due", "_loop", "_reading", "_ready")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._reading: dict[int, Pipe] = {}
        self._ready: dict[int, None] = {}
        """The pipes to read next, in this order."""
        self._is_due = self._is_closed = False
        loop.add_reader(self._epoll.fileno(), self.poll)

    def open(self, fd: int, on_data: Callable[[bytes], None], on_eof: Callable[[], None]) -> Pipe:
        """Reads `fd`, which now belongs to the pipe, until end of file.

        `on_data` gets 1 to 262,144 bytes a call; `on_eof` is called once, after the descriptor is closed,
        unless `close` came first.
        """
        os.set_blocking(fd, False)
        pipe = Pipe(self, fd, on_data, on_eof)
        self.enter(fd, pipe)
        return pipe

    def close(self) -> None:
        """Closes the epoll and every pipe except paused ones, which their owners close."""
        for pipe in list(self._reading.values()):
            pipe.close()
        self._is_closed = True
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def enter(self, fd: int, pipe: Pipe) -> None:
        """Starts reading a pipe."""
        self._epoll.register(fd, _READABLE)
        self._reading[fd] = pipe

    def leave(self, fd: int) -> None:
        """Stops reading a pipe; one whose other end is closed would be reported in every turn."""
        del self._reading[fd]
        self._epoll.unregister(fd)

    def read_soon(self, fd: int) -> None:
        """Reads a pipe again in the next turn of the loop, because it has bytes that were read."""
        self._ready[fd] = None
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._poll_again)

    def poll(self) -> None:
        """Reads each readable pipe once, and leaves the rest to the next turn after `_TURN_BYTES`.

        The next turn also follows after `MAX_SECONDS`; it begins with the pipes that had none in this one.
        """
        ready = self._ready
        for fd, _ in self._epoll.poll(0, _EVENTS_A_TURN):
            ready.setdefault(fd)
        budget, until = _TURN_BYTES, thread_time() + MAX_SECONDS
        for fd in list(ready):
            del ready[fd]
            pipe = self._reading.get(fd)
            if pipe is not None:
                budget -= pipe.read()
                if budget <= 0 or thread_time() > until:
                    return

    def _poll_again(self) -> None:
        self._is_due = False
        if not self._is_closed:
            self.poll()
            if self._ready and not self._is_due:
                self.read_soon(next(iter(self._ready)))


def watch_eof(loop: AbstractEventLoop, fd: int, callback: Callable[[], None]) -> Callable[[], None]:
    """Calls back once when the other end of a pipe is closed; data is discarded.

    A daemon watches its stdin in this way for the death of its parent. Returns a function that stops
    watching. Raises PermissionError if `fd` is a file or /dev/null, which have no other end.
    """

    def on_readable() -> None:
        try:
            data = os.read(fd, _PIPE_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            stop()
            callback()

    def stop() -> None:
        loop.remove_reader(fd)

    os.set_blocking(fd, False)
    loop.add_reader(fd, on_readable)
    return stop
