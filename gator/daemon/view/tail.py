"""The cursors of a display over the stores of a live run: committed events are read and shown.

Invariant: a slow display delays only itself; each turn reads a bounded piece of one store.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from gator.v1 import attach_pb2, event_pb2

MAX_EVENTS = 500
"""Maximum number of events shown in one turn of the loop."""
GATHER_SECONDS = 0.02
"""Time in seconds from a commit until it is read, so that several small commits are read at once."""


class Source(Protocol):
    """A store that can be read while it grows."""

    def read(
        self, after: int, event_filter: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns the events after a position that match a filter, and the position read up to."""
        ...


class Tail:
    """Follows any number of stores and shows the events that match a filter."""

    def __init__(
        self,
        event_filter: attach_pb2.EventFilter,
        show: Callable[[Sequence[event_pb2.Event]], None],
        ready: Callable[[], bool],
    ) -> None:
        self._wanted = event_filter
        self._show, self._ready = show, ready
        self._sources: dict[str, Source] = {}
        self._positions: dict[str, int] = {}
        self._grown: dict[str, None] = {}
        self._turn: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()

    def follow(self, name: str, source: Source) -> None:
        """Follows one more store from its start."""
        self._sources[name] = source
        self._positions[name] = 0
        self.poke(name)

    def poke(self, name: str) -> None:
        """Reads a store that may have grown."""
        if name in self._sources:
            self._grown[name] = None
            if self._turn is None:
                self._turn = self._loop.call_later(GATHER_SECONDS, self._read)

    async def finish(self) -> None:
        """Shows all remaining events, however long the display takes."""
        for name in self._sources:
            self._grown[name] = None
        while self._grown:
            if self._ready():
                self._show_next()
            # Even a display that is ready yields to the loop, so that signals are handled.
            await asyncio.sleep(0 if self._ready() else GATHER_SECONDS)

    def _read(self) -> None:
        self._turn = None
        if not self._ready():
            self._turn = self._loop.call_later(GATHER_SECONDS, self._read)
            return
        self._show_next()
        if self._grown:
            self._turn = self._loop.call_soon(self._read)

    def _show_next(self) -> None:
        name = next(iter(self._grown), None)
        if name is None:
            return
        del self._grown[name]
        before = self._positions[name]
        events, through = self._sources[name].read(before, self._wanted, MAX_EVENTS)
        self._positions[name] = through
        if events:
            self._show(events)
        if through > before:
            # There may be more; stores that moved meanwhile have their turn first.
            self._grown[name] = None
