"""The record of the nodes below a tier, from the stores of its daemons that died.

Invariant: a finished attempt counts, a started one without an end is LOST, and one that never started is
absent.
"""

from bisect import bisect_left
from collections.abc import Sequence

from gator.core.tree.outcomes.results import lost
from gator.v1 import event_pb2

Attempts = Sequence[tuple[int, event_pb2.AttemptFinished]]
"""Numbers and ends of the attempts at a job, in order."""


class Past:
    """Declared nodes, Results and attempts, by path.

    `counted` says that the tree has already counted these Results.
    """

    def __init__(self, *, counted: bool = False) -> None:
        self.counted = counted
        self.declared: dict[str, int] = {}
        """Times of declaration, in nanoseconds since 1970."""
        self.results: dict[str, event_pb2.Result] = {}
        """In the order in which they were written."""
        self._attempts: dict[str, dict[int, event_pb2.AttemptFinished]] = {}
        self._sorted: list[str] | None = None

    def add(self, event: event_pb2.Event, daemon: str) -> None:
        """Adds an event. Events of one store come in order, and older stores come first."""
        path, attempt = event.path, event.attempt
        match event.WhichOneof("payload"):
            case "declared":
                self.declared[path] = event.time_unix_nanos
            case "started":
                self._attempts.setdefault(path, {})[attempt] = lost(f"the daemon {daemon} died")
            case "attempt_finished":
                self._attempts.setdefault(path, {})[attempt] = event.attempt_finished
            case "result":
                self.results[path] = event.result
                self._attempts.pop(path, None)
                self._sorted = None
            case _:
                pass

    def update(self, other: "Past") -> None:
        """Adds the record of other nodes."""
        self.declared.update(other.declared)
        self.results.update(other.results)
        self._attempts.update(other._attempts)
        self._sorted = None

    def attempts(self, path: str) -> Attempts:
        """Returns the attempts at a job without a Result that were started or ended."""
        return sorted(self._attempts.get(path, {}).items(), key=lambda item: item[0])

    def at_or_below(self, path: str) -> list[tuple[str, event_pb2.Result]]:
        """Returns the Results of a node and of all below it, its own last."""
        if self._sorted is None:
            self._sorted = sorted(self.results)
        # "0" is the character after "/", so all paths below sort between these two.
        first, last = bisect_left(self._sorted, path + "/"), bisect_left(self._sorted, path + "0")
        results = [(below, self.results[below]) for below in self._sorted[first:last]]
        if path in self.results:
            results.append((path, self.results[path]))
        return results
