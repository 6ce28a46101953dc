"""Ready attempts: one queue per demand, and the order of all queues by their heads.

Invariant: the work depends on the number of queues, never on the number of attempts.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from enum import IntEnum
from heapq import heappop, heappush
from typing import TypeAlias

from msgspec import Struct, field

from gator.core.dispatch.actions import Ready
from gator.core.dispatch.ledger import CORES, Need
from gator.core.dispatch.pools import DemandKey

DECAY = 0.98
"""Decay per job of the mean job time of a queue, so that about the last 50 jobs count."""

MAX_SAMPLE_SECONDS = 10.0
"""Maximum time in seconds of a job in the mean, so that a single long job does not dominate it."""


class JobState(IntEnum):
    """Where an attempt is on its way through the dispatcher."""

    QUEUED = 0
    PREFETCHED = 1
    """At a host, behind another attempt of its lease."""
    HANDED = 2
    """At a host and first of its lease; its start was not reported yet."""
    RUNNING = 3
    WITHDRAWN = 4
    """At a host, cancelled before it started."""
    GONE = 5


class QueuedAttempt(Struct, eq=False):
    """An attempt in the dispatcher. `lease` is the id of the lease it was handed out on, 0 before."""

    ready: Ready
    queue: "Queue"
    seq: int
    state: JobState = JobState.QUEUED
    lease: int = 0


SortKey: TypeAlias = tuple[int, int, int, "Queue"]
"""Sorts queues by their heads: minus the weight, the order in the spec, a unique number, the queue."""


class Queue(Struct, eq=False):
    """Attempts of one demand, or the requests of one tier daemon for leases of one demand.

    `tier` is the id of that daemon, empty for attempts. Requests have only a number and a weight.
    """

    demand: DemandKey
    need: Need
    alone: bool = False
    tier: str = ""
    heap: list[tuple[int, int, int, QueuedAttempt]] = field(
        default_factory=list[tuple[int, int, int, QueuedAttempt]]
    )
    waiting: int = 0
    """Number of attempts or requests in the queue, without cancelled ones."""
    weight: int = 0
    """Weight of the requests."""
    sort_key: SortKey | None = None
    leases: int = 0
    """Number of leases of this queue that are out."""
    passed: int = 0
    """Number of later attempts that started since the last start from this queue."""
    passed_since: float | None = None
    spent: float = 0.0
    finished: float = 0.0

    def push(self, job: QueuedAttempt) -> None:
        """Adds an attempt, sorted by weight and order."""
        heappush(self.heap, (-job.ready.weight, job.ready.order, job.seq, job))
        self.waiting += 1

    def pop(self) -> QueuedAttempt:
        """Removes and returns the first attempt; the queue must not be empty."""
        self.waiting -= 1
        while True:
            job = heappop(self.heap)[3]
            if job.state is JobState.QUEUED:
                return job

    def head(self) -> QueuedAttempt | None:
        """Returns the first attempt, or None; drops cancelled ones before it."""
        heap = self.heap
        while heap and heap[0][3].state is not JobState.QUEUED:
            heappop(heap)
        return heap[0][3] if heap else None

    def note_time(self, seconds: float) -> None:
        """Adds the time of a job of this demand to the mean."""
        self.spent = self.spent * DECAY + min(seconds, MAX_SAMPLE_SECONDS)
        self.finished = self.finished * DECAY + 1

    def prefetch_count(self, seconds: float, limit: int) -> int:
        """Returns how many jobs take this time at the recent mean, at most `limit`; 0 before any end."""
        if not self.finished:
            return 0
        if self.spent * limit <= seconds * self.finished:
            return limit
        return int(seconds * self.finished / self.spent)


class ReadyOrder:
    """The queues that are not empty, in the order of their heads."""

    def __init__(self) -> None:
        self.sort_keys: list[SortKey] = []
        self.coreless = 0
        """Number of queues that need no core."""
        self._number = 0

    def number(self) -> int:
        """Returns the next number, which orders attempts by their arrival and requests by their turn."""
        self._number += 1
        return self._number

    def __iter__(self) -> Iterator[Queue]:
        return (key[3] for key in self.sort_keys)

    def refresh(self, queue: Queue) -> None:
        """Sorts a queue in again by its head, before equal ones that were moved later."""
        new = self._sort_key_of(queue)
        old = queue.sort_key
        if old is new or (old is not None and new is not None and old[:3] == new[:3]):
            return
        coreless = queue.need.amounts[0][0] != CORES
        if old is not None:
            del self.sort_keys[bisect_left(self.sort_keys, old)]
            self.coreless -= coreless
        if new is not None:
            insort(self.sort_keys, new)
            self.coreless += coreless
        queue.sort_key = new

    def _sort_key_of(self, queue: Queue) -> SortKey | None:
        if queue.tier:
            if not queue.waiting:
                return None
            return (-queue.weight, 0, self.number(), queue)
        head = queue.head()
        return None if head is None else (-head.ready.weight, head.ready.order, head.seq, queue)
