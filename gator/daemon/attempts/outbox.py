"""Passes events of attempts to the store once a turn, and no faster than the store can write.

Invariant: nothing is reordered, and nothing waits for longer than one turn of the loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from gator.daemon.attempts.attempt import Attempt
from gator.v1 import event_pb2

MAX_PENDING_BYTES = 16 * 1024 * 1024
"""Uncommitted bytes of the store above which those who write are held up."""
_PAUSE_SECONDS = 0.01


class Store(Protocol):
    """The store of the daemon, as far as wrappers need it."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that are appended and not yet committed."""
        ...

    def append(self, events: Sequence[event_pb2.Event], then: Callable[[], None] | None = None) -> int:
        """Appends events; `then` is called on the loop once they are committed."""
        ...


class Outbox:
    """Stands between the attempts of a host and its store."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: Store) -> None:
        self._loop = loop
        self._store = store
        self._unsent: list[tuple[list[event_pb2.Event], Callable[[], None] | None]] = []
        self._held: set[Attempt] = set()

    @property
    def is_full(self) -> bool:
        """Whether the store cannot follow at this moment."""
        return self._store.pending_bytes > MAX_PENDING_BYTES

    def append(
        self, attempt: Attempt, events: list[event_pb2.Event], then: Callable[[], None] | None
    ) -> None:
        """Stores events at the end of this turn, and pauses the attempt if the store cannot keep up.

        So the end of one attempt and the start of the next are mostly one commit.
        """
        if not self._unsent:
            self._loop.call_soon(self.send)
        self._unsent.append((events, then))
        if self.is_full and not attempt.is_over and attempt not in self._held:
            self._held.add(attempt)
            attempt.streams.pause()
            self._store.append((), self._relieve)

    def send(self) -> None:
        """Hands over what has gathered."""
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        events = [event for part, _ in unsent for event in part]
        thens = [then for _, then in unsent if then is not None]
        self._store.append(events, thens[0] if thens else None)
        for then in thens[1:]:
            self._store.append((), then)

    def holds(self, attempt: Attempt) -> bool:
        """Returns whether an attempt shall not be read for now."""
        return attempt in self._held

    def forget(self, attempt: Attempt) -> None:
        """Removes an attempt that is over."""
        self._held.discard(attempt)

    def _relieve(self) -> None:
        if self._store.pending_bytes > MAX_PENDING_BYTES // 2:
            self._loop.call_later(_PAUSE_SECONDS, self._relieve)
            return
        held, self._held = self._held, set()
        for attempt in held:
            attempt.streams.resume()
