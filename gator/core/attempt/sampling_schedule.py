"""When which job is sampled: soon after its start, then ever more rarely.

Pure: knows no clock, times are seconds of any monotonic clock.
"""

from msgspec import Struct

SHORTEST_S = 0.05
LONGEST_S = 5.0


class _Due(Struct):
    at: float
    interval: float


class SamplingSchedule:
    """The times at which jobs, named by their leaders, are due; each interval doubles up to the longest."""

    __slots__ = ("_due", "_longest", "_shortest")

    def __init__(self, longest_s: float = LONGEST_S, shortest_s: float = SHORTEST_S) -> None:
        self._longest = longest_s
        self._shortest = min(shortest_s, longest_s)
        self._due: dict[int, _Due] = {}

    def add(self, leader: int, now: float, *, at_once: bool = False) -> None:
        """Adds a job that has started; it is due after the shortest interval, or now."""
        self._due[leader] = _Due(now if at_once else now + self._shortest, self._shortest)

    def remove(self, leader: int) -> None:
        """Removes a job; unknown ones are ignored."""
        self._due.pop(leader, None)

    def next_at(self) -> float | None:
        """Returns when the next job is due; None if there is none."""
        return min((due.at for due in self._due.values()), default=None)

    def take(self, now: float) -> list[int]:
        """Returns the jobs that are due, each put off to its next time."""
        leaders: list[int] = []
        for leader, due in self._due.items():
            if due.at > now:
                continue
            leaders.append(leader)
            due.interval = min(2 * due.interval, self._longest)
            if due.interval < self._longest:
                due.at = now + due.interval
            else:
                # Long jobs meet at common times, so that a daemon wakes once for all of them.
                due.at = (now // self._longest + 1) * self._longest
        return leaders
