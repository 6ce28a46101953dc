"""The state of a dispatcher: attempts, queues, leases and hosts, and the changes that keep them consistent.

Invariant: each attempt is in exactly one state, and a lease exists as long as it has attempts.
"""

from collections.abc import Iterable
from enum import IntEnum

from gator.core.dispatch.actions import Action, Key, Recall, RetireHost
from gator.core.dispatch.hosts import HostPool, HostState, Lease, LeaseState
from gator.core.dispatch.ledger import Ledger, Share
from gator.core.dispatch.pools import DemandKey
from gator.core.dispatch.queues import JobState, Queue, QueuedAttempt, ReadyOrder
from gator.core.dispatch.reservations import Reservations


class Rescan(IntEnum):
    """Which queues the next search for attempts to start has to cover, besides fresh ones."""

    NOTHING = 0
    FREED = 1
    """All, if the amounts that were given back may be enough for one that did not fit."""
    ALL = 2


class DispatchState:
    """The state of a dispatcher."""

    def __init__(self, ledger: Ledger, hosts: HostPool) -> None:
        self.ledger = ledger
        self.hosts = hosts
        self.jobs: dict[Key, QueuedAttempt] = {}
        self.job_counts = [0] * len(JobState)
        self.queues: dict[tuple[DemandKey, bool, str], Queue] = {}
        self.alone: list[Queue] = []
        """Queues of attempts that need a fresh daemon."""
        self.requested: dict[str, list[Queue]] = {}
        """Queues of requests, by tier daemon."""
        self.ready_order = ReadyOrder()
        self.reserved = Reservations(ledger)
        self.leases: dict[int, Lease] = {}
        self.granted: dict[str, dict[int, Share]] = {}
        """Shares of tier daemons, by daemon and id of the lease."""
        self.fresh: set[Queue] = set()
        """Queues that were empty at the last search."""
        self.rescan = Rescan.NOTHING
        self.refillable: dict[int, Lease] = {}
        """Leases that may prefetch more attempts."""
        self.actions: list[Action] = []

    def queue(self, demand: DemandKey, *, alone: bool = False, tier: str = "") -> Queue:
        """Returns the queue of a demand; raises GatorError if the demand can never be met."""
        name = (demand, alone, tier)
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = Queue(demand, self.ledger.need(demand), alone, tier)
            if alone:
                self.alone.append(queue)
        return queue

    def enqueue(self, job: QueuedAttempt) -> None:
        """Adds an attempt to its queue."""
        queue = job.queue
        if not queue.waiting:
            self.fresh.add(queue)
        queue.push(job)
        key = queue.sort_key
        if key is None or job.ready.weight > -key[0] or job.ready.order < key[1]:
            self.refresh(queue)

    def refresh(self, queue: Queue) -> None:
        """Sorts a queue in again whose head may have changed."""
        self.ready_order.refresh(queue)
        if queue.sort_key is None and self.reserved.held and self.reserved.settle(queue):
            self.rescan = Rescan.ALL

    def waiting_alone(self) -> int:
        """Returns the number of ready attempts that need a fresh daemon."""
        return sum([queue.waiting for queue in self.alone]) if self.alone else 0

    def take_off(self, lease: Lease, job: QueuedAttempt, now: float) -> None:
        """Removes an attempt from its lease, and closes the lease if it was the last."""
        was_first = lease.jobs[0] is job
        lease.jobs.remove(job)
        if not lease.jobs:
            self.close(lease)
            return
        if lease.state is LeaseState.RECALLING and not lease.prefetched:
            lease.state = LeaseState.OPEN
        if was_first:
            lease.since = now
            if lease.jobs[0].state is JobState.PREFETCHED:
                self.move(lease.jobs[0], JobState.HANDED)

    def close(self, lease: Lease) -> None:
        """Releases a lease in the ledger, and retires a host that served one attempt alone."""
        del self.leases[lease.number]
        self.refillable.pop(lease.number, None)
        lease.host.leases.pop(lease.number)
        lease.queue.leases -= 1
        self.give(lease.share)
        if lease.host.state is HostState.ALONE and self.hosts.up.pop(lease.host.name, None):
            self.actions.append(RetireHost(lease.host.name))

    def give(self, share: Share) -> None:
        """Releases a share in the ledger."""
        self.ledger.give(share)
        self.rescan = max(self.rescan, Rescan.FREED)

    def forget(self, job: QueuedAttempt) -> None:
        """Removes an attempt from the dispatcher."""
        self.move(job, JobState.GONE)
        del self.jobs[job.ready.key]

    def move(self, job: QueuedAttempt, state: JobState) -> None:
        """Changes the state of an attempt; nothing else does."""
        self.job_counts[job.state] -= 1
        self.job_counts[state] += 1
        job.state = state

    def recall(self, leases: Iterable[Lease]) -> None:
        """Recalls the attempts that wait on these leases, unless that was done already."""
        by_host: dict[str, list[int]] = {}
        for lease in leases:
            if lease.state is LeaseState.OPEN:
                lease.state = LeaseState.RECALLING
                by_host.setdefault(lease.host.name, []).append(lease.number)
        self.actions.extend(Recall(host, tuple(numbers)) for host, numbers in by_host.items())
