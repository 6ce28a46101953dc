"""The limits of nodes that their tree applies: deadlines, and the number of failed jobs below a group.

Invariant: the earliest deadline comes first, in whatever order they were set.
"""

import heapq
from collections.abc import Iterator

from gator.plan import PlanNode
from gator.units import plural


class Deadlines:
    """Deadlines of nodes that have begun, in nanoseconds of one clock that the caller chooses."""

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


class FailureLimits:
    """Counts the failed jobs below a group or array; `values` has its `max_fail` and `max_fail_per_cause`."""

    __slots__ = ("_by_cause", "_failed", "_path", "_values")

    def __init__(self, path: str, values: PlanNode) -> None:
        self._path, self._values = path, values
        self._failed = 0
        self._by_cause: dict[str, int] = {}

    def count(self, number: int) -> str:
        """Counts failed jobs. Returns why nothing new may start; empty below the limit."""
        self._failed += number
        limit = self._values.max_fail
        if not 0 < limit <= self._failed:
            return ""
        return f"{plural(self._failed, 'job')} of {self._path} failed (max_fail: {limit})"

    def count_cause(self, cause: str) -> str:
        """Counts a failed job by its cause. Returns why nothing new may start; empty below the limit."""
        number = self._by_cause[cause] = self._by_cause.get(cause, 0) + 1
        limit = self._values.max_fail_per_cause
        if number < limit:
            return ""
        failed = f"{plural(number, 'job')} of {self._path} failed with the cause {cause}"
        return f"{failed} (max_fail_per_cause: {limit})"
