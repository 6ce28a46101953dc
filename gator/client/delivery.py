"""Delivers the records of a client to its parent: connects, sends, waits for acks, reconnects.

Invariant: starts no thread. The thread that calls `pump` does the work, one at a time.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gator.client.backlog import Backlog
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from gator.client.connection import Connection

_FIRST_PAUSE_SECONDS: Final = 0.05
_MAX_PAUSE_SECONDS: Final = 1.0
_MAX_WAIT_SECONDS: Final = 60.0
_BLIND_WAIT_SECONDS: Final = 0.05
"""Timeout of a wait that cannot be woken, because no descriptor was available."""


class Delivery:
    """A backlog and the connection that carries it to the parent.

    `on_refused` is called with the reason if the parent refuses the records.
    """

    def __init__(
        self, address: str, token: str, hello: attach_pb2.Hello, on_refused: Callable[[str], None]
    ) -> None:
        self._address, self._token, self._hello = address, token, hello
        self._on_refused = on_refused
        self._wake = _eventfd()
        self.backlog = Backlog(self.wake)
        self._connection: Connection | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._dial_at = 0.0
        self._pump_lock = threading.Lock()
        self._pumping: int | None = None
        self.refused = False

    def wake(self) -> None:
        """Wakes `pump` to check for work. Any thread may call this."""
        if self._wake is not None:
            # It may be closed, or full because nothing reads it.
            with contextlib.suppress(OSError):
                os.eventfd_write(self._wake, 1)

    def pump(self, done: Callable[[], bool], timeout_seconds: float = float("inf")) -> bool:
        """Sends and receives until `done` returns true. Returns False on timeout.

        With a timeout of 0 it does everything that needs no waiting.
        """
        me = threading.get_ident()
        if self._pumping == me:
            # A signal handler interrupted the pump: it continues afterwards.
            return False
        deadline = time.monotonic() + timeout_seconds
        if not self._pump_lock.acquire(timeout=min(timeout_seconds, _MAX_WAIT_SECONDS)):
            return done()
        self._pumping = me
        try:
            return self._pump(done, deadline)
        finally:
            self._pumping = None
            self._pump_lock.release()

    def parameters(self, timeout_seconds: float) -> str | None:
        """Returns the parameters of the job as JSON, empty if it has none; None on timeout."""
        self.pump(lambda: self._connection is not None and self._connection.welcomed, timeout_seconds)
        connection = self._connection
        return connection.parameters if connection is not None and connection.welcomed else None

    def close(self) -> None:
        """Closes the descriptors of this process. `pump` must not be called afterwards."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        wake, self._wake = self._wake, None
        if wake is not None:
            os.close(wake)

    def _pump(self, done: Callable[[], bool], deadline: float) -> bool:
        while True:
            self._clear()
            if done():
                return True
            if self.refused:
                return False
            left = deadline - time.monotonic()
            self._step(min(left, _MAX_WAIT_SECONDS if self._wake is not None else _BLIND_WAIT_SECONDS))
            if left <= 0:
                return done()

    def _clear(self) -> None:
        if self._wake is not None:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)

    def _step(self, timeout_seconds: float) -> None:
        from gator.client.connection import LostError, RefusedError, wait_for_wake

        until_dial = self._dial_at - time.monotonic()
        if self._connection is None and until_dial > 0:
            wait_for_wake(self._wake, max(min(timeout_seconds, until_dial), 0.0))
            return
        try:
            connection = self._connection or self._dial()
            connection.step(timeout_seconds)
            if connection.welcomed:
                self._pause = _FIRST_PAUSE_SECONDS
        except RefusedError as error:
            self._hang_up()
            self.refused = True
            self.backlog.shut()
            self._on_refused(str(error))
        except (LostError, OSError, ValueError):
            # A ValueError is a message that cannot be parsed: the peer is not a parent.
            self._hang_up()
            self._dial_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _MAX_PAUSE_SECONDS)

    def _dial(self) -> "Connection":
        from gator.client.connection import Connection

        self._connection = Connection(self._address, self._token, self._hello, self.backlog, self._wake)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _eventfd() -> int | None:
    try:
        return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:
        return None
