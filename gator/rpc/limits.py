"""Turns and places that many share: so many are taken at once, and so many by one of them.

Rule: whoever comes first goes first, apart from those who have their share already.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from gator.errors import UnavailableError


class FairSemaphore:
    """`most` turns, of which one name has `each` at most. Everything runs on one event loop."""

    def __init__(self, most: int, each: int, waiting_each: int | None = None) -> None:
        """With `waiting_each` so many of one name wait at most."""
        self._free, self._each, self._waiting_each = most, each, waiting_each
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
            raise UnavailableError("too many calls wait for their turn: ask again later")
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
    """`most` places, of which one name has `each` at most. Nobody waits for one."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._taken: Counter[str] = Counter()

    @contextmanager
    def of(self, name: str) -> Generator[None]:
        """Takes a place, and gives it back. Raises UnavailableError when there is none."""
        if self._taken[name] >= self._each or self._taken.total() >= self._most:
            raise UnavailableError("more are connected than can be served at once: dial again later")
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]
