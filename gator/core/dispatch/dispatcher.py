"""Turns ready attempts and requests for leases into hand-outs and grants.

Invariant: an attempt is handed out at most once at a time, on a lease whose share the ledger has set aside.
Times are seconds of one monotonic clock, given by the caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gator.core.dispatch.actions import (
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
from gator.core.dispatch.allocator import Allocator
from gator.core.dispatch.hosts import HostPool, HostState, host_count
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey
from gator.core.dispatch.queues import JobState, Queue, QueuedAttempt
from gator.core.dispatch.state import DispatchState, Rescan
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from gator.core.dispatch.explain import WaitReason

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
    """Assigns ready attempts to wrapper daemons and leases to tier daemons.

    Inputs change the state, and `poll` returns the resulting actions in order; call it after a batch of
    inputs and at `wake_at`. An attempt belongs to the dispatcher from `add` until it is cancelled in the
    queue, dropped by `on_recalled`, ended, or returned by `on_host_lost` or `stop`; then its key may be added
    again. Messages about unknown keys are ignored.

    Without `prefetch`, a host gets an attempt only when it can start immediately. `bridge` names the root
    process if it runs attempts until the first daemon is up.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        max_hosts: int,
        slots: int,
        fixed_host: str | None,
        bridge: str | None = None,
        prefetch: bool = True,
    ) -> None:
        self._state = DispatchState(
            ledger, HostPool(max_hosts=max_hosts, slots=slots, fixed=fixed_host, bridge=bridge)
        )
        self._hosts_at: float | None = None
        """When to start the daemons whose start was delayed."""
        self._allocator = Allocator(self._state, prefetch=prefetch)
        self._stopped = False

    def add(self, item: Ready, now: float) -> None:
        """Adds an attempt that is ready.

        Raises ValueError if its key is known or after `stop`, and GatorError if its demand can never be met.
        """
        if self._stopped:
            raise ValueError(f"{item.key} was added after the stop")
        if item.key in self._state.jobs:
            raise ValueError(f"{item.key} was added before")
        self._state.hosts.work_began(now)
        queue = self._state.queue(item.demand, alone=item.alone and not self._state.hosts.fixed)
        job = QueuedAttempt(item, queue, self._state.ready_order.number())
        self._state.jobs[item.key] = job
        self._state.job_counts[JobState.QUEUED] += 1
        self._state.enqueue(job)

    def cancel(self, key: Key, now: float) -> Cancelled:
        """Cancels an attempt; the result says what the caller has to do."""
        job = self._state.jobs.get(key)
        if job is None:
            return Cancelled.UNKNOWN
        if job.state is JobState.QUEUED:
            queue = job.queue
            queue.waiting -= 1
            self._state.forget(job)
            self._state.refresh(queue)
            return Cancelled.QUEUED
        if job.state in (JobState.PREFETCHED, JobState.WITHDRAWN):
            self._state.move(job, JobState.WITHDRAWN)
            self._state.recall([self._state.leases[job.lease]])
            return Cancelled.PREFETCHED
        return Cancelled.RUNNING

    def on_started(self, key: Key, now: float) -> None:
        """Records that an attempt has started."""
        job = self._state.jobs.get(key)
        if job is not None and job.state is not JobState.QUEUED:
            self._state.move(job, JobState.RUNNING)

    def on_finished(self, key: Key, now: float) -> None:
        """Frees the share of the lease of an attempt that has ended, with all its processes."""
        job = self._state.jobs.get(key)
        if job is None or job.state is JobState.QUEUED:
            return
        lease = self._state.leases[job.lease]
        if lease.jobs[0] is job:
            # Measured from end to end, because a start and an end are often reported together.
            lease.queue.note_time(now - lease.since)
        self._state.take_off(lease, job, now)
        self._state.forget(job)
        if lease.jobs:
            self._state.refillable[lease.number] = lease

    def on_recalled(self, keys: Iterable[Key], now: float) -> list[Key]:
        """Queues attempts again that a host gives back unstarted; returns those that were cancelled."""
        dropped: list[Key] = []
        for key in keys:
            job = self._state.jobs.get(key)
            if job is None or job.state in (JobState.QUEUED, JobState.RUNNING):
                continue
            self._state.take_off(self._state.leases[job.lease], job, now)
            if job.state is JobState.WITHDRAWN or self._stopped:
                self._state.forget(job)
                dropped.append(key)
            else:
                self._state.move(job, JobState.QUEUED)
                self._state.enqueue(job)
        return dropped

    def on_host(self, host: str, now: float) -> None:
        """Adds a wrapper daemon that is up."""
        fresh = self._state.hosts.count(HostState.FRESH)
        self._state.hosts.arrived(host, alone=self._state.waiting_alone() > fresh)
        self._state.rescan = Rescan.ALL

    def on_host_start_failed(self, now: float) -> None:
        """Records that a requested wrapper daemon ended before it was up."""
        self._state.hosts.starting = max(0, self._state.hosts.starting - 1)
        self._state.rescan = Rescan.ALL

    def on_host_lost(self, host: str, now: float) -> tuple[list[Key], list[Key]]:
        """Frees the leases of a wrapper daemon that has ended, with all processes of its jobs.

        Returns the attempts that were reported as started and those that were not, in the order of hand-out.
        """
        lost = self._state.hosts.up.pop(host, None)
        started: list[Key] = []
        unstarted: list[Key] = []
        if lost is None:
            # It may have ended by itself after its only attempt, before it was told to.
            retired = RetireHost(host)
            self._state.actions = [action for action in self._state.actions if action != retired]
            return started, unstarted
        for lease in list(lost.leases.values()):
            for job in lease.jobs:
                (started if job.state is JobState.RUNNING else unstarted).append(job.ready.key)
                self._state.forget(job)
            lease.jobs.clear()
            self._state.close(lease)
        self._state.rescan = Rescan.ALL
        return started, unstarted

    def on_lease_request(
        self, host: str, requested: Sequence[attach_pb2.RequestedLeases], now: float
    ) -> None:
        """Replaces the requests of a tier daemon: leases that it could use besides those it holds."""
        if self._stopped:
            return
        self._state.granted.setdefault(host, {})
        before = self._state.requested.get(host, [])
        for queue in before:
            queue.waiting = 0
        new = dict.fromkeys(
            self._state.queue(DemandKey.of(request.demand), tier=host) for request in requested
        )
        for request in requested:
            queue = self._state.queue(DemandKey.of(request.demand), tier=host)
            queue.weight = max(queue.weight, request.priority) if queue.waiting else request.priority
            queue.waiting += request.count
        self._state.requested[host] = list(new)
        self._state.fresh.update(new)
        for queue in (*before, *new):
            self._state.refresh(queue)

    def on_leases_returned(self, host: str, ids: Iterable[int], now: float) -> None:
        """Frees leases that a tier daemon returns; ids that it does not hold are ignored."""
        held = self._state.granted.get(host, {})
        for number in ids:
            share = held.pop(number, None)
            if share is not None:
                self._state.give(share)

    def on_tier_host_lost(self, host: str, now: float) -> None:
        """Frees the leases and drops the requests of a tier daemon that has ended, with all below it."""
        for queue in self._state.requested.pop(host, []):
            queue.waiting = 0
            self._state.refresh(queue)
        for share in self._state.granted.pop(host, {}).values():
            self._state.give(share)

    def stop(self) -> list[Key]:
        """Starts nothing more; returns the queued attempts. Prefetched ones come back by `on_recalled`."""
        self._stopped = True
        queued = [job for job in self._state.jobs.values() if job.state is JobState.QUEUED]
        for job in queued:
            self._state.forget(job)
        for queue in self._state.queues.values():
            queue.waiting = 0
            self._state.refresh(queue)
        self._state.recall([lease for lease in self._state.leases.values() if lease.prefetched])
        return [job.ready.key for job in queued]

    def poll(self, now: float) -> list[Action]:
        """Returns the actions to carry out now, in order."""
        if not self._stopped:
            if not self._state.waiting_alone() and self._state.hosts.release_fresh():
                self._state.rescan = Rescan.ALL
            self._allocator.start_what_fits(now)
            self._allocator.prefetch(now)
            self._allocator.count_passed(now)
            self._ask_for_hosts(now)
            self._allocator.recall_late(now)
        actions, self._state.actions = self._state.actions, []
        return actions

    def wake_at(self) -> float | None:
        """Returns when to call `poll` at the latest, in seconds; None if only an input changes anything."""
        if self._stopped:
            return None
        times = [at for at in (self._allocator.wake_at(), self._hosts_at) if at is not None]
        return min(times, default=None)

    def explain(self, path: str) -> "list[WaitReason]":
        """Returns why the newest attempt of a job has not started; see `explain.explain`."""
        # Imported when asked, because each start of a run imports this module.
        from gator.core.dispatch.explain import explain

        return explain(self._state, path)

    def explain_queues(self) -> Iterator[tuple[Queue, str]]:
        """Yields each queue that is not empty with what keeps its first attempt from starting."""
        from gator.core.dispatch.explain import explain_queues

        return explain_queues(self._state)

    @property
    def counts(self) -> DispatchCounts:
        """Numbers of attempts by state, of leases and of hosts."""
        count = self._state.job_counts
        return DispatchCounts(
            queued=count[JobState.QUEUED],
            prefetched=count[JobState.PREFETCHED] + count[JobState.WITHDRAWN],
            running=count[JobState.HANDED] + count[JobState.RUNNING],
            leases=len(self._state.leases) + sum(map(len, self._state.granted.values())),
            hosts=len(self._state.hosts.up),
        )

    def _ask_for_hosts(self, now: float) -> None:
        alone = self._state.waiting_alone()
        ready = self._state.job_counts[JobState.QUEUED] - alone
        self._hosts_at = None
        if self._state.hosts.is_full and not self._state.alone:
            return
        work = ready + len(self._state.leases) if ready or self._state.hosts.is_late else 0
        if work and not alone:
            self._hosts_at = self._state.hosts.wait_until(ready, now)
            if self._hosts_at is not None:
                return
        plain, fresh = self._state.hosts.missing(work=work, alone=alone)
        self._state.hosts.starting += plain + fresh
        if plain:
            self._state.actions.append(StartHost(plain))
        if fresh:
            self._state.actions.append(StartHost(fresh, alone=True))
