"""Finds and signals the remaining processes of attempts, for all attempts of a host.

Invariant: every search is answered, even on a host without free descriptors.
"""

import asyncio
from collections.abc import Container, Coroutine
from functools import partial
from typing import Any

from gator.daemon.attempts.attempt import Attempt
from gator.process.terminate import Ended, Terminator
from gator.runtime.loop import beside

_PAUSE_SECONDS = 0.1
_MAX_TRIES = 300
"""Maximum number of searches that fail for lack of resources, which is 30 s."""


class Leftovers:
    """The remaining processes of attempts. `expected` has the children that are not orphans."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expected: Container[int]) -> None:
        self._loop = loop
        self._terminator = Terminator(expected)
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, attempt: Attempt) -> None:
        """Adds an attempt that has started its process."""
        self._terminator.strays.add(attempt.ownership)

    def remove(self, attempt: Attempt) -> None:
        """Removes an attempt that has no known living process."""
        ownership = attempt.ownership
        self._terminator.strays.remove(ownership)
        ownership.has_ended = True
        if ownership.group is not None:
            # The kernel may need some milliseconds for it.
            beside(ownership.group.remove)

    async def end_adopted(self, grace_seconds: float) -> Ended:
        """Ends all orphans that this process adopted. Must be called when no attempt runs."""
        return await self._terminator.end_adopted(grace_seconds)

    def report(self, attempt: Attempt) -> None:
        """Reports the living processes of an attempt to it; at once if there can be none, as usual."""
        ownership = attempt.ownership
        if self._terminator.may_live(ownership) or self._terminator.strays.awaits(ownership):
            self._run(self._find(attempt))
        else:
            attempt.on_left_over([])

    def signal(self, attempt: Attempt, number: int) -> None:
        """Sends a signal to all processes of an attempt."""
        self._run(self._signal(attempt, number))

    def look(self, attempt: Attempt, watch: str) -> None:
        """Reports the state of a watched file to an attempt."""
        self._run(self._look(attempt, watch))

    def investigate(self, attempt: Attempt, watch: str) -> None:
        """Reports to an attempt what its processes do."""
        self._run(self._investigate(attempt, watch))

    def close(self) -> None:
        """Cancels the searches that have not ended."""
        for task in self._tasks:
            task.cancel()
        self._terminator.close()

    async def _find(self, attempt: Attempt) -> None:
        ownership, strays = attempt.ownership, self._terminator.strays
        tries = 0
        while tries < _MAX_TRIES:
            try:
                processes = await self._terminator.find(ownership)
                if not processes and strays.awaits(ownership):
                    # It ends by itself, because the attempt that claimed the orphan gives up eventually.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
            except OSError:
                # No descriptors or no memory. That does not last, and an unanswered search would hang.
                await asyncio.sleep(_PAUSE_SECONDS)
                tries += 1
                continue
            attempt.on_left_over([strays.describe(process, ownership) for process in processes])
            return
        attempt.on_left_over([])

    async def _look(self, attempt: Attempt, watch: str) -> None:
        # Few jobs watch a file.
        from gator.process.evidence import file_state

        attempt.on_file(await beside(partial(file_state, watch)))

    async def _investigate(self, attempt: Attempt, watch: str) -> None:
        # Few jobs hang.
        from gator.core.attempt.hang.evidence import Evidence
        from gator.process.evidence import collect

        try:
            processes = await self._terminator.find(attempt.ownership)
            evidence = await beside(partial(collect, [process.pid for process in processes], watch))
        except OSError:
            # Without descriptors or memory nothing can be found out.
            evidence = Evidence()
        attempt.on_evidence(evidence)

    async def _signal(self, attempt: Attempt, number: int) -> None:
        for _ in range(_MAX_TRIES):
            if attempt.is_over:
                return
            try:
                await self._terminator.signal_job(attempt.ownership, number)
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
            context = {"message": "the search for processes of a job failed", "exception": error}
            self._loop.call_exception_handler(context)
