"""Limits on what clients share: a total, and a maximum for each client.

Invariant: first come, first served, except for clients that have their maximum.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from gator.errors import UnavailableError


class FairSemaphore:
    """Grants `maximum` turns in all, and at most `each` to one name. Everything runs on one event loop."""

    def __init__(self, maximum: int, each: int, waiting_each: int | None = None) -> None:
        """Limits the number of waiting calls of one name to `waiting_each`."""
        self._free, self._each, self._waiting_each = maximum, each, waiting_each
        self._taken: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[None], str] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncGenerator[None]:
        """Waits for a turn, and gives it back. Raises UnavailableError when too many wait."""
        await self._take(name)
        try:
            yield
        finally:
            self._give(name)

    async def _take(self, name: str) -> None:
        if self._has(name):
            self._hand(name)
            return
        if self._waiting_each is not None and list(self._waiting.values()).count(name) >= self._waiting_each:
            raise UnavailableError("too many calls are waiting: retry later")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = name
        try:
            await turn
        except asyncio.CancelledError:
            # It may have been handed over just now.
            if self._waiting.pop(turn, None) is None:
                self._give(name)
            raise

    def _has(self, name: str) -> bool:
        return self._free > 0 and self._taken[name] < self._each

    def _hand(self, name: str) -> None:
        self._free -= 1
        self._taken[name] += 1

    def _give(self, name: str) -> None:
        self._free += 1
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]
        for turn, waiting in list(self._waiting.items()):
            if not self._free:
                return
            # One that is cancelled takes itself out.
            if self._has(waiting) and not turn.done():
                del self._waiting[turn]
                self._hand(waiting)
                turn.set_result(None)


class ConnectionQuota:
    """Grants `maximum` places in all, and at most `each` to one name; refuses instead of waiting."""

    def __init__(self, maximum: int, each: int) -> None:
        self._maximum, self._each = maximum, each
        self._taken: Counter[str] = Counter()

    @contextmanager
    def of(self, name: str) -> Generator[None]:
        """Occupies a slot for the time of a context. Raises UnavailableError if none is free."""
        if self._taken[name] >= self._each or self._taken.total() >= self._maximum:
            raise UnavailableError("too many clients are connected: retry later")
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]
