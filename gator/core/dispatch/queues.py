"""The ready attempts: one queue for each demand, and the line of all queues by what stands first in each.

The rule they keep: work depends on the number of queues, never on the number of attempts. They know
neither hosts nor leases.
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
"""Weight of a queue's past in its mean job time: about the last 50 jobs count."""

LONGEST_SAMPLE = 10.0
"""Seconds; one long job shall not keep a mean up for ever."""


class JobState(IntEnum):
    """Where an attempt is."""

    QUEUED = 0
    AHEAD = 1
    """With a host, behind another attempt of its lease."""
    HANDED = 2
    """With a host and first of its lease, start not reported yet."""
    RUNNING = 3
    WITHDRAWN = 4
    """With a host, cancelled before it started."""
    GONE = 5


class Job(Struct, eq=False):
    """One attempt; `lease` is the id of the one it was handed out on, 0 before."""

    ready: Ready
    queue: "Queue"
    seq: int
    state: JobState = JobState.QUEUED
    lease: int = 0


Place: TypeAlias = tuple[int, int, int, "Queue"]
"""Where the head of a queue stands among all: minus its weight, its order, a unique number, the queue."""


class Queue(Struct, eq=False):
    """Attempts of one demand, or what one tier daemon wishes for of one demand.

    `tier` is the id of that daemon, empty for attempts; a wish has only a number and a weight.
    """

    demand: DemandKey
    need: Need
    alone: bool = False
    tier: str = ""
    heap: list[tuple[int, int, int, Job]] = field(default_factory=list[tuple[int, int, int, Job]])
    waiting: int = 0
    """Attempts or wishes in the queue, without those that were cancelled."""
    weight: int = 0
    """Of a wish."""
    place: Place | None = None
    leases: int = 0
    """Leases of this queue that are out."""
    passed: int = 0
    """Starts that went past the head since the last start from this queue."""
    passed_since: float | None = None
    spent: float = 0.0
    finished: float = 0.0

    def push(self, job: Job) -> None:
        """Put an attempt in; by its weight and order, whenever it comes."""
        heappush(self.heap, (-job.ready.weight, job.ready.order, job.seq, job))
        self.waiting += 1

    def pop(self) -> Job:
        """Take the first attempt out; the queue must not be empty."""
        self.waiting -= 1
        while True:
            job = heappop(self.heap)[3]
            if job.state is JobState.QUEUED:
                return job

    def head(self) -> Job | None:
        """The attempt that is first; those that were cancelled are dropped on the way."""
        heap = self.heap
        while heap and heap[0][3].state is not JobState.QUEUED:
            heappop(heap)
        return heap[0][3] if heap else None

    def note_time(self, seconds: float) -> None:
        """Another job of this demand took so long."""
        self.spent = self.spent * DECAY + min(seconds, LONGEST_SAMPLE)
        self.finished = self.finished * DECAY + 1

    def ahead_for(self, seconds: float, most: int) -> int:
        """How many jobs cover that time at the recent mean; 0 as long as none has ended."""
        if not self.finished:
            return 0
        if self.spent * most <= seconds * self.finished:
            return most
        return int(seconds * self.finished / self.spent)


class ReadyOrder:
    """The queues that are not empty, in the order of their heads."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.coreless = 0
        """How many of them need no core."""
        self._number = 0

    def number(self) -> int:
        """Another number, above all before; of an attempt that is added, or of a wish that takes its turn."""
        self._number += 1
        return self._number

    def __iter__(self) -> Iterator[Queue]:
        return (place[3] for place in self.places)

    def refresh(self, queue: Queue) -> None:
        """Move a queue to where its head belongs now; ahead of an equal one that moved later."""
        new = self._place_of(queue)
        old = queue.place
        if old is new or (old is not None and new is not None and old[:3] == new[:3]):
            return
        coreless = queue.need.amounts[0][0] != CORES
        if old is not None:
            del self.places[bisect_left(self.places, old)]
            self.coreless -= coreless
        if new is not None:
            insort(self.places, new)
            self.coreless += coreless
        queue.place = new

    def _place_of(self, queue: Queue) -> Place | None:
        if queue.tier:
            if not queue.waiting:
                return None
            return (-queue.weight, 0, self.number(), queue)
        head = queue.head()
        return None if head is None else (-head.ready.weight, head.ready.order, head.seq, queue)
