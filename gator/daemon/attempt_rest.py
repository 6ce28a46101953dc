"""Looking for and signalling what belongs to attempts, for all attempts of a host.

Rule: every look is answered, also on a host that has run out of descriptors.
"""

import asyncio
from collections.abc import Callable, Container, Coroutine
from typing import Any

from gator.daemon.attempt import Attempt
from gator.process.belongings import cheap_look
from gator.process.ending import Endings

_PAUSE_SECONDS = 0.1
_TRIES = 300


class Rest:
    """Finds what is left of attempts. `expected` are all children of this process that are no orphans."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, expected: Container[int], is_alone: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._expected = expected
        self._is_alone = is_alone
        self._endings = Endings(expected)
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, attempt: Attempt) -> None:
        """Tell an attempt what of it still lives: at once where nothing can, as nearly always."""
        if cheap_look(attempt.belonging, self._expected):
            self._run(self._look_through(attempt))
        else:
            attempt.on_left_over([])

    def signal(self, attempt: Attempt, number: int) -> None:
        """Send a signal to all that belongs to an attempt."""
        self._run(self._signal(attempt, number))

    def close(self) -> None:
        """Forget the looks under way."""
        for task in self._tasks:
            task.cancel()
        self._endings.close()

    async def _look_through(self, attempt: Attempt) -> None:
        for _ in range(_TRIES):
            try:
                found = await self._endings.find(attempt.belonging, strays=self._is_alone())
            except OSError:
                # No descriptors or no memory: that does not last, and an unanswered look would hang.
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            attempt.on_left_over([str(process) for process in found])
            return
        attempt.on_left_over([])

    async def _signal(self, attempt: Attempt, number: int) -> None:
        for _ in range(_TRIES):
            if attempt.is_over:
                return
            try:
                await self._endings.signal_job(attempt.belonging, number, strays=self._is_alone())
            except OSError:
                # As above; the group of the leader has been met already.
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            return

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "looking for processes of a job failed", "exception": error}
            self._loop.call_exception_handler(context)
