"""Who may start what where: ready attempts and wishes in, hand-outs and grants out.

The rule it keeps: an attempt is out at most once, on a lease whose share the ledger has set aside.
Times are seconds of one monotonic clock, given by the caller.
"""

from collections.abc import Iterable, Sequence

from gator.core.dispatch_actions import (
    Action,
    Cancelled,
    DispatchCounts,
    Grant,
    HandOut,
    Key,
    Ready,
    Recall,
    RetireHost,
    StartHost,
)
from gator.core.dispatch_books import Books, Look
from gator.core.dispatch_hosts import Fleet, HostState, host_count
from gator.core.dispatch_queues import Job, JobState
from gator.core.dispatch_start import Starter
from gator.core.ledger import Ledger
from gator.core.pools import DemandKey
from gator.errors import GatorError
from gator.v1 import attach_pb2

__all__ = [
    "Action",
    "Cancelled",
    "DispatchCounts",
    "Dispatcher",
    "Grant",
    "HandOut",
    "Key",
    "Ready",
    "Recall",
    "RetireHost",
    "StartHost",
    "host_count",
]


class Dispatcher:
    """Gives ready attempts to wrapper daemons and leases to tier daemons.

    Inputs change state and `poll` returns the resulting actions in order; call it after a batch of inputs
    and at `wake_at`. An attempt belongs to the dispatcher from `add` until it is cancelled in the
    queue, dropped by `on_recalled`, ended, or named by `on_host_lost` or `stop`; then its key is forgotten
    and may be added anew. Messages about keys that it does not know are ignored. Unless `ahead`, a host gets
    an attempt only when it can start at once. `bridge` names the root's own process where that runs attempts
    until the first daemon is up.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        max_hosts: int,
        slots: int,
        fixed_host: str | None,
        bridge: str | None = None,
        ahead: bool = True,
    ) -> None:
        self._books = Books(ledger, Fleet(most=max_hosts, slots=slots, fixed=fixed_host, bridge=bridge))
        self._hosts_at: float | None = None
        """When to start the daemons whose start was delayed."""
        self._starter = Starter(self._books, ahead=ahead)
        self._stopped = False

    def add(self, item: Ready, now: float) -> None:
        """An attempt is ready.

        ValueError if its key is known already; GatorError if its demand can never be met, or after `stop`.
        """
        if self._stopped:
            raise GatorError(f"start {item.key[0]}: nothing new starts after a stop")
        if item.key in self._books.jobs:
            raise ValueError(f"{item.key} was added before")
        self._books.fleet.work_began(now)
        queue = self._books.queue(item.demand, alone=item.alone and not self._books.fleet.fixed)
        job = Job(item, queue, self._books.line.number())
        self._books.jobs[item.key] = job
        self._books.job_counts[JobState.QUEUED] += 1
        self._books.enqueue(job)

    def add_many(self, items: Iterable[Ready], now: float) -> None:
        """Several attempts are ready."""
        for item in items:
            self.add(item, now)

    def cancel(self, key: Key, now: float) -> Cancelled:
        """An attempt shall not start; where it was decides what follows."""
        job = self._books.jobs.get(key)
        if job is None:
            return Cancelled.UNKNOWN
        if job.state is JobState.QUEUED:
            queue = job.queue
            queue.waiting -= 1
            self._books.forget(job)
            self._books.refresh(queue)
            return Cancelled.QUEUED
        if job.state in (JobState.AHEAD, JobState.WITHDRAWN):
            self._books.move(job, JobState.WITHDRAWN)
            self._books.recall([self._books.leases[job.lease]])
            return Cancelled.AHEAD
        return Cancelled.RUNNING

    def on_started(self, key: Key, now: float) -> None:
        """A host reports the start of an attempt."""
        job = self._books.jobs.get(key)
        if job is not None and job.state is not JobState.QUEUED:
            self._books.move(job, JobState.RUNNING)

    def on_finished(self, key: Key, now: float) -> None:
        """A host reports the end of an attempt; nothing of it is alive."""
        job = self._books.jobs.get(key)
        if job is None or job.state is JobState.QUEUED:
            return
        lease = self._books.leases[job.lease]
        if lease.jobs[0] is job:
            # From end to end: starts and ends are often reported together.
            lease.queue.note_time(now - lease.since)
        self._books.take_off(lease, job, now)
        self._books.forget(job)
        if lease.jobs:
            self._books.thin[lease.number] = lease

    def on_recalled(self, keys: Iterable[Key], now: float) -> list[Key]:
        """A host gives attempts back unstarted: they are queued again, or returned if cancelled."""
        dropped: list[Key] = []
        for key in keys:
            job = self._books.jobs.get(key)
            if job is None or job.state in (JobState.QUEUED, JobState.RUNNING):
                continue
            self._books.take_off(self._books.leases[job.lease], job, now)
            if job.state is JobState.WITHDRAWN or self._stopped:
                self._books.forget(job)
                dropped.append(key)
            else:
                self._books.move(job, JobState.QUEUED)
                self._books.enqueue(job)
        return dropped

    def on_host(self, host: str, now: float) -> None:
        """A wrapper daemon is up."""
        fresh = self._books.fleet.count(HostState.FRESH)
        self._books.fleet.arrived(host, alone=self._books.waiting_alone() > fresh)
        self._books.look = Look.ALL

    def on_host_start_failed(self, now: float) -> None:
        """A wrapper daemon that was asked for ended before it was up."""
        self._books.fleet.starting = max(0, self._books.fleet.starting - 1)
        self._books.look = Look.ALL

    def on_host_lost(self, host: str, now: float) -> tuple[list[Key], list[Key]]:
        """A wrapper daemon is gone and nothing of its jobs is alive: its leases are freed.

        Returns what was reported as started and what was not, each in the order of its hand-out.
        """
        lost = self._books.fleet.hosts.pop(host, None)
        started: list[Key] = []
        unstarted: list[Key] = []
        if lost is None:
            return started, unstarted
        for lease in list(lost.leases.values()):
            for job in lease.jobs:
                (started if job.state is JobState.RUNNING else unstarted).append(job.ready.key)
                self._books.forget(job)
            lease.jobs.clear()
            self._books.close(lease)
        self._books.look = Look.ALL
        return started, unstarted

    def on_wishes(self, host: str, wishes: Sequence[attach_pb2.LeaseWish], now: float) -> None:
        """What a tier daemon could use besides what it holds; replaces its wishes before."""
        if self._stopped:
            return
        self._books.granted.setdefault(host, {})
        before = self._books.wishes.get(host, [])
        for queue in before:
            queue.waiting = 0
        now_wished = dict.fromkeys(self._books.queue(DemandKey.of(wish.demand), tier=host) for wish in wishes)
        for wish in wishes:
            queue = self._books.queue(DemandKey.of(wish.demand), tier=host)
            queue.weight = max(queue.weight, wish.priority) if queue.waiting else wish.priority
            queue.waiting += wish.count
        self._books.wishes[host] = list(now_wished)
        self._books.fresh.update(now_wished)
        for queue in (*before, *now_wished):
            self._books.refresh(queue)

    def on_leases_returned(self, host: str, ids: Iterable[int], now: float) -> None:
        """A tier daemon gives leases back; ids that it does not hold are ignored."""
        held = self._books.granted.get(host, {})
        for number in ids:
            share = held.pop(number, None)
            if share is not None:
                self._books.give(share)

    def on_tier_host_lost(self, host: str, now: float) -> None:
        """A tier daemon is gone and nothing below it is alive: its leases are freed, its wishes forgotten."""
        for queue in self._books.wishes.pop(host, []):
            queue.waiting = 0
            self._books.refresh(queue)
        for share in self._books.granted.pop(host, {}).values():
            self._books.give(share)

    def stop(self) -> list[Key]:
        """Nothing new starts. Returns what was queued; what is out ahead comes back by `on_recalled`."""
        self._stopped = True
        queued = [job for job in self._books.jobs.values() if job.state is JobState.QUEUED]
        for job in queued:
            self._books.forget(job)
        for queue in self._books.queues.values():
            queue.waiting = 0
            self._books.refresh(queue)
        self._books.recall([lease for lease in self._books.leases.values() if lease.ahead])
        return [job.ready.key for job in queued]

    def poll(self, now: float) -> list[Action]:
        """What is to be done now, in order."""
        if not self._stopped:
            if not self._books.waiting_alone() and self._books.fleet.release_fresh():
                self._books.look = Look.ALL
            self._starter.start_what_fits(now)
            self._starter.hand_out_ahead(now)
            self._starter.pass_over(now)
            self._ask_for_hosts(now)
            self._starter.ring(now)
        actions, self._books.actions = self._books.actions, []
        return actions

    def wake_at(self) -> float | None:
        """When to call `poll` at the latest, in seconds; None if only an input can change anything."""
        if self._stopped:
            return None
        times = [at for at in (self._starter.wake_at(), self._hosts_at) if at is not None]
        return min(times, default=None)

    @property
    def counts(self) -> DispatchCounts:
        """How many attempts and hosts there are, by what they are at."""
        count = self._books.job_counts
        return DispatchCounts(
            queued=count[JobState.QUEUED],
            ahead=count[JobState.AHEAD] + count[JobState.WITHDRAWN],
            running=count[JobState.HANDED] + count[JobState.RUNNING],
            leases=len(self._books.leases) + sum(map(len, self._books.granted.values())),
            hosts=len(self._books.fleet.hosts),
            starting_hosts=self._books.fleet.starting,
        )

    @property
    def is_bridged(self) -> bool:
        """Whether the root's own process still accepts attempts."""
        return self._books.fleet.bridge is not None

    def _ask_for_hosts(self, now: float) -> None:
        alone = self._books.waiting_alone()
        ready = self._books.job_counts[JobState.QUEUED] - alone
        self._hosts_at = None
        if self._books.fleet.is_full and not self._books.alone:
            return
        work = ready + len(self._books.leases) if ready or self._books.fleet.is_late else 0
        if work and not alone:
            self._hosts_at = self._books.fleet.wait_until(ready, now)
            if self._hosts_at is not None:
                return
        plain, fresh = self._books.fleet.missing(work=work, alone=alone)
        self._books.fleet.starting += plain + fresh
        if plain:
            self._books.actions.append(StartHost(plain))
        if fresh:
            self._books.actions.append(StartHost(fresh, alone=True))
