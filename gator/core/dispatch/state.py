"""What the dispatcher knows: attempts, queues, leases and hosts, and the steps that keep them in line.

The rule it keeps: each attempt is in exactly one state, and a lease is open as long as something is on it.
It decides nothing about who is next.
"""

from collections.abc import Iterable
from enum import IntEnum

from gator.core.dispatch.actions import Action, Key, Recall, RetireHost
from gator.core.dispatch.hosts import HostPool, HostState, Lease, LeaseState
from gator.core.dispatch.ledger import Ledger, Share
from gator.core.dispatch.pools import DemandKey
from gator.core.dispatch.queues import Job, JobState, Queue, ReadyOrder
from gator.core.dispatch.reservations import Reservations


class Rescan(IntEnum):
    """What the next look for something to start has to cover, besides fresh queues."""

    NOTHING = 0
    FREED = 1
    """Something came back to the ledger, perhaps enough for a queue that did not fit."""
    ALL = 2


class DispatchState:
    """The state of a dispatcher."""

    def __init__(self, ledger: Ledger, fleet: HostPool) -> None:
        self.ledger = ledger
        self.fleet = fleet
        self.jobs: dict[Key, Job] = {}
        self.job_counts = [0] * len(JobState)
        self.queues: dict[tuple[DemandKey, bool, str], Queue] = {}
        self.alone: list[Queue] = []
        """The queues whose attempts need a fresh daemon."""
        self.wishes: dict[str, list[Queue]] = {}
        """The queues of each tier daemon."""
        self.line = ReadyOrder()
        self.reserved = Reservations(ledger)
        self.leases: dict[int, Lease] = {}
        self.granted: dict[str, dict[int, Share]] = {}
        """What tier daemons hold, by the id of the lease."""
        self.fresh: set[Queue] = set()
        """Queues that were empty when they were last looked at."""
        self.look = Rescan.NOTHING
        self.thin: dict[int, Lease] = {}
        """Leases on which more may be handed out ahead."""
        self.actions: list[Action] = []

    def queue(self, demand: DemandKey, *, alone: bool = False, tier: str = "") -> Queue:
        """The queue of a demand, made when it comes first; GatorError if the demand can never be met."""
        name = (demand, alone, tier)
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = Queue(demand, self.ledger.need(demand), alone, tier)
            if alone:
                self.alone.append(queue)
        return queue

    def enqueue(self, job: Job) -> None:
        """Put an attempt into its queue."""
        queue = job.queue
        if not queue.waiting:
            self.fresh.add(queue)
        queue.push(job)
        place = queue.place
        if place is None or job.ready.weight > -place[0] or job.ready.order < place[1]:
            self.refresh(queue)

    def refresh(self, queue: Queue) -> None:
        """The head of a queue may have changed."""
        self.line.refresh(queue)
        if queue.place is None and self.reserved.held and self.reserved.settle(queue):
            self.look = Rescan.ALL

    def waiting_alone(self) -> int:
        """How many ready attempts need a fresh daemon."""
        return sum([queue.waiting for queue in self.alone]) if self.alone else 0

    def take_off(self, lease: Lease, job: Job, now: float) -> None:
        """An attempt is not on its lease any more; without another the lease is closed."""
        was_first = lease.jobs[0] is job
        lease.jobs.remove(job)
        if not lease.jobs:
            self.close(lease)
            return
        if lease.state is LeaseState.RECALLING and not lease.ahead:
            lease.state = LeaseState.OPEN
        if was_first:
            lease.since = now
            if lease.jobs[0].state is JobState.AHEAD:
                self.move(lease.jobs[0], JobState.HANDED)

    def close(self, lease: Lease) -> None:
        """Give a lease back to the ledger, and retire a host that served one attempt alone."""
        del self.leases[lease.number]
        self.thin.pop(lease.number, None)
        lease.host.leases.pop(lease.number)
        lease.queue.leases -= 1
        self.give(lease.share)
        if lease.host.state is HostState.ALONE and self.fleet.hosts.pop(lease.host.name, None):
            self.actions.append(RetireHost(lease.host.name))

    def give(self, share: Share) -> None:
        """Give a share back to the ledger."""
        self.ledger.give(share)
        self.look = max(self.look, Rescan.FREED)

    def forget(self, job: Job) -> None:
        """An attempt is not the dispatcher's any more."""
        self.move(job, JobState.GONE)
        del self.jobs[job.ready.key]

    def move(self, job: Job, state: JobState) -> None:
        """The one place where the state of an attempt changes."""
        self.job_counts[job.state] -= 1
        self.job_counts[state] += 1
        job.state = state

    def recall(self, leases: Iterable[Lease]) -> None:
        """Ask back what waits on some leases, unless that was done already."""
        by_host: dict[str, list[int]] = {}
        for lease in leases:
            if lease.state is LeaseState.OPEN:
                lease.state = LeaseState.RECALLING
                by_host.setdefault(lease.host.name, []).append(lease.number)
        self.actions.extend(Recall(host, tuple(numbers)) for host, numbers in by_host.items())
