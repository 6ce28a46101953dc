"""Runs the server of a root beside the run, and ends it.

Invariant: the wait for the server is bounded, because a server that gets no threads from the system
never ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

STOP_SERVING_SECONDS: Final = 5.0
"""Maximum time to wait for the end of the server."""
HURRIED_SECONDS: Final = 0.5
"""Maximum time to wait for the end of the server after a repeated stop."""
SERVE_AFTER_SECONDS: Final = 0.1
"""Time after which a run without daemons starts its server: most single jobs and small trees end before a
client could connect."""


class ServerTask:
    """Runs `serve`, which returns only when it is cancelled, on one event loop.

    `serve` starts at once if daemons need it, see `want`, else after SERVE_AFTER_SECONDS. `on_failed` is
    called with the error that ended it.
    """

    def __init__(
        self,
        serve: Callable[[], Awaitable[None]],
        *,
        is_delayed: bool = False,
        on_failed: Callable[[BaseException], None],
        stop_seconds: float = STOP_SERVING_SECONDS,
    ) -> None:
        self._serve, self._on_failed, self._seconds = serve, on_failed, stop_seconds
        self._wanted = asyncio.Event()
        if not is_delayed:
            self._wanted.set()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_held_up = False
        """Whether the server did not end in time."""

    def start(self) -> None:
        """Starts serving, perhaps after a delay."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._on_done)

    def want(self) -> None:
        """Starts the server without further delay, because daemons need it."""
        self._wanted.set()

    def hurry(self) -> None:
        """Shortens the wait for the end of the server."""
        self._hurry.set()

    async def end(self) -> None:
        """Ends the server, or gives it up when the time is over."""
        if self._task is None:
            return
        self._task.cancel()
        seconds = HURRIED_SECONDS if self._hurry.is_set() else self._seconds
        self._hurry.clear()
        hurried = asyncio.get_running_loop().create_task(self._hurry.wait())
        await asyncio.wait({self._task, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        self.is_held_up = not self._task.done()

    async def _run(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), SERVE_AFTER_SECONDS)
        await self._serve()

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failed(error)
