"""Reduces samples of an attempt to a few points.

Invariant: peaks stay peaks and means stay means.
"""

from array import array
from collections.abc import Iterable

from gator.v1 import event_pb2, query_pb2


class Samples:
    """The samples of one attempt as numbers; those of a week take a few megabytes."""

    def __init__(self, path: str, attempt: int) -> None:
        self._path, self._attempt = path, attempt
        self._times, self._cores = array("q"), array("d")
        self._memory, self._processes = array("Q"), array("L")

    def add(self, events: Iterable[event_pb2.Event]) -> None:
        """Adds samples in the order of their events."""
        for event in events:
            self._times.append(event.time_unix_nanos)
            self._cores.append(event.sample.cores)
            self._memory.append(event.sample.memory_bytes)
            self._processes.append(event.sample.processes)

    def thin(self, points: int) -> list[query_pb2.ResourcePoint]:
        """Returns at most `points` points: the mean of the cores, the maximum of all other values."""
        total = len(self._times)
        count = min(points, total)
        folded: list[query_pb2.ResourcePoint] = []
        for number in range(count):
            first, end = number * total // count, (number + 1) * total // count
            folded.append(
                query_pb2.ResourcePoint(
                    path=self._path,
                    attempt=self._attempt,
                    time_unix_nanos=self._times[end - 1],
                    cores=sum(self._cores[first:end]) / (end - first),
                    memory_bytes=max(self._memory[first:end]),
                    processes=max(self._processes[first:end]),
                    samples=end - first,
                )
            )
        return folded
