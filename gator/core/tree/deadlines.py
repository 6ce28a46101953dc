"""Deadlines of nodes, in nanoseconds of one clock chosen by the caller.

Invariant: the earliest deadline comes first, in whatever order they were set.
"""

import heapq
from collections.abc import Iterator


class Deadlines:
    """Deadlines of nodes that have begun."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def set(self, path: str, began: int, millis: int) -> None:
        """Limits a node to a number of milliseconds from the time it began; 0 means no limit."""
        if millis:
            heapq.heappush(self._heap, (began + millis * 1_000_000, path))

    def passed(self, now: int) -> Iterator[str]:
        """Yields the nodes whose deadline has passed, each once."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]

    @property
    def next(self) -> int | None:
        """The earliest deadline; None when there is none."""
        return self._heap[0][0] if self._heap else None
