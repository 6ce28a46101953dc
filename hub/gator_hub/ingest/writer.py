"""The only thread that writes to a database. It commits the work that has arrived in one transaction."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from logging import getLogger
from time import monotonic
from typing import Any, TypeVar

from msgspec import Struct

from gator_hub.database.database import Database, is_transient
from gator_hub.database.texts import one_line
from gator_hub.ingest.commit import Committer, Work
from gator_hub.ingest.sender_errors import error_for_sender

Answer = TypeVar("Answer")

MAX_BYTES = 4 * 1024 * 1024
"""Size in bytes of work at which a transaction is full."""
PACE_SECONDS = 0.025
"""Minimum time in seconds between two transactions, unless much work waits."""
GATHER_SECONDS = 0.004
"""Delay in seconds of the first transaction after a pause, because a root sends one batch for each store."""
_MUCH_BYTES = 128 * 1024
_RETRY_SECONDS = 1.0

_log = getLogger("gator.hub")


class Call(Struct, eq=False):
    """A call that runs in a transaction of its own."""

    call: Callable[[Database], Any]
    future: "Future[Any]"


class Writer:
    """Writes to a database. `post` runs a call on the thread where the `then`s of work are called."""

    def __init__(self, database: Database, post: Callable[[Callable[[], None]], object]) -> None:
        self.backlog_bytes = 0
        """Bytes of work that is not committed. `put` and the posted calls run on one thread."""
        self._database, self._post = database, post
        self._committer = Committer(database)
        self._queue: deque[Work | Call] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._told_trouble = False
        self._next = 0.0
        self._thread = threading.Thread(target=self._run, name="hub writer", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Adds work. Never waits."""
        self.backlog_bytes += work.size_bytes
        self._queue.append(work)
        self._wake.set()

    def run(self, call: Callable[[Database], Answer]) -> "Future[Answer]":
        """Runs a call in a transaction of its own, after all work put before. Returns a future of its result.

        It may run several times if the connection to the database is lost.
        """
        future: Future[Answer] = Future()
        self._queue.append(Call(call, future))
        self._wake.set()
        return future

    def close(self) -> None:
        """Writes all work and ends the thread. Work that the database cannot accept now fails."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    # -- on the thread

    def _run(self) -> None:
        try:
            while not self._closing.is_set() or self._queue:
                self._wake.wait()
                self._wake.clear()
                while self._queue:
                    first = self._queue[0]
                    if isinstance(first, Call):
                        self._queue.popleft()
                        self._do(first)
                    else:
                        self._wait_for_more()
                        self._keep(self._gather())
                        self._next = monotonic() + PACE_SECONDS
        finally:
            self._database.forget()

    def _wait_for_more(self) -> None:
        """Waits for more work: `GATHER_SECONDS` after a pause, else until `PACE_SECONDS` have passed."""
        rest = max(self._next - monotonic(), GATHER_SECONDS)
        if rest > 0 and self.backlog_bytes < _MUCH_BYTES:
            self._closing.wait(rest)

    def _gather(self) -> list[Work]:
        works: list[Work] = []
        size = 0
        while self._queue and size < MAX_BYTES:
            work = self._queue[0]
            if isinstance(work, Call):
                break
            self._queue.popleft()
            works.append(work)
            size += work.size_bytes
        return works

    def _do(self, call: Call) -> None:
        """Runs a call, repeatedly while the database is unavailable."""
        if not call.future.set_running_or_notify_cancel():
            return
        while True:
            try:
                with self._database.transaction():
                    answer = call.call(self._database)
            except Exception as error:  # the caller that waits for the future must get any error
                if self._is_worth_waiting(error):
                    continue
                self.forget()
                call.future.set_exception(error_for_sender(error))
            else:
                self._told_trouble = False
                call.future.set_result(answer)
            return

    def _keep(self, works: Sequence[Work]) -> None:
        """Commits works together, or each in a transaction of its own if one of them is refused."""
        while True:
            try:
                self._committer.commit(works)
            except Exception as error:  # every error is reported to the sender
                self.forget()
                if self._is_worth_waiting(error):
                    continue
                if len(works) == 1:
                    self._notify(works, error_for_sender(error))
                    return
                break
            self._told_trouble = False
            self._notify(works, None)
            return
        # Outside of the handler, so that these errors have no other error as their context.
        for work in works:
            self._keep([work])

    def _notify(self, works: Sequence[Work], error: Exception | None) -> None:
        def notify() -> None:
            for work in works:
                self.backlog_bytes -= work.size_bytes
                work.then(error)

        self._post(notify)

    def _is_worth_waiting(self, error: Exception) -> bool:
        """Waits and returns true if the same may succeed later."""
        if not is_transient(error):
            return False
        if not self._told_trouble:
            self._told_trouble = True
            _log.warning("the database accepts no writes, retrying: %s", one_line(error))
        return not self._closing.wait(_RETRY_SECONDS)

    def forget(self) -> None:
        """Drops the entries in memory, which may not be in the database. Only calls of `run` may use it."""
        self._committer.forget()
