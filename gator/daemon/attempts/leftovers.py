"""Looking for and signalling what belongs to attempts, for all attempts of a host.

Invariant: every search is answered, even on a host without free descriptors.
"""

import asyncio
from collections.abc import Container, Coroutine
from typing import Any

from gator.daemon.attempts.attempt import Attempt
from gator.loop import beside
from gator.process.terminate import Ended, Terminator

_PAUSE_SECONDS = 0.1
_TRIES = 300


class Rest:
    """Finds the remaining processes of attempts. `expected` has the children that are no orphans."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expected: Container[int]) -> None:
        self._loop = loop
        self._endings = Terminator(expected)
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, attempt: Attempt) -> None:
        """Adds an attempt that has started its process."""
        self._endings.strays.add(attempt.belonging)

    def remove(self, attempt: Attempt) -> None:
        """Removes an attempt that has no known living process."""
        whose = attempt.belonging
        self._endings.strays.remove(whose)
        whose.is_over = True
        if whose.group is not None:
            # The kernel may need some milliseconds for it.
            beside(whose.group.remove)

    async def end_adopted(self, grace_seconds: float) -> Ended:
        """Ends all orphans that this process adopted. Must be called when no attempt runs."""
        return await self._endings.end_adopted(grace_seconds)

    def look(self, attempt: Attempt) -> None:
        """Tells an attempt what of it still lives: at once where nothing can, as nearly always."""
        whose = attempt.belonging
        if self._endings.may_live(whose) or self._endings.strays.awaits(whose):
            self._run(self._look_through(attempt))
        else:
            attempt.on_left_over([])

    def signal(self, attempt: Attempt, number: int) -> None:
        """Sends a signal to all that belongs to an attempt."""
        self._run(self._signal(attempt, number))

    def close(self) -> None:
        """Forgets the looks under way."""
        for task in self._tasks:
            task.cancel()
        self._endings.close()

    async def _look_through(self, attempt: Attempt) -> None:
        whose, strays = attempt.belonging, self._endings.strays
        tries = 0
        while tries < _TRIES:
            try:
                found = await self._endings.find(whose)
                if not found and strays.awaits(whose):
                    # It ends by itself, because the attempt that claimed the orphan gives up eventually.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
            except OSError:
                # No descriptors or no memory: that does not last, and an unanswered look would hang.
                await asyncio.sleep(_PAUSE_SECONDS)
                tries += 1
                continue
            attempt.on_left_over([strays.describe(process, whose) for process in found])
            return
        attempt.on_left_over([])

    async def _signal(self, attempt: Attempt, number: int) -> None:
        for _ in range(_TRIES):
            if attempt.is_over:
                return
            try:
                await self._endings.signal_job(attempt.belonging, number)
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
