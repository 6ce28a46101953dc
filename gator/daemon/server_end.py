"""How the end of a run waits for the end of its server.

The rule: it never waits for ever, as a server that gets no threads from the system never ends.
"""

import asyncio
from typing import Final

STOP_SERVING_SECONDS: Final = 5.0
"""At most so long a server is waited for, and no longer than until somebody is in a hurry."""
HURRIED_SECONDS: Final = 0.5
"""The same where somebody was before."""


class ServerEnd:
    """Waits for one server; lives on one event loop."""

    def __init__(self, seconds: float = STOP_SERVING_SECONDS) -> None:
        self._seconds = seconds
        self._hurry = asyncio.Event()
        self.is_held_up = False
        """Whether the server did not end."""

    def hurry(self) -> None:
        """Nobody wants to wait any more."""
        self._hurry.set()

    async def wait(self, serving: "asyncio.Task[None]") -> None:
        """Ends the task that serves."""
        serving.cancel()
        seconds = HURRIED_SECONDS if self._hurry.is_set() else self._seconds
        self._hurry.clear()
        hurried = asyncio.get_running_loop().create_task(self._hurry.wait())
        await asyncio.wait({serving, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        self.is_held_up = not serving.done()
