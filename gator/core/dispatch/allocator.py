"""Decides which ready attempt or request is next, and which attempts are prefetched.

Invariant: an attempt overtakes neither an earlier one that fits nor the reservation of one.
"""

from bisect import bisect_right
from heapq import heapify, heappop, heappush
from math import inf
from operator import ge

from gator.core.dispatch.actions import Grant, HandOut
from gator.core.dispatch.hosts import Host, HostState, Lease, LeaseState
from gator.core.dispatch.ledger import CORES, Share
from gator.core.dispatch.queues import JobState, Queue, QueuedAttempt
from gator.core.dispatch.reservations import MAX_OVERTAKEN_SECONDS, is_overdue
from gator.core.dispatch.state import DispatchState, Rescan
from gator.v1 import attach_pb2

PREFETCH_SECONDS = 0.05
"""Time in seconds that the prefetched attempts of a lease take at the recent mean."""

MAX_PREFETCHED = 32
"""Maximum number of prefetched attempts of one lease."""

RECALL_SECONDS = 2 * PREFETCH_SECONDS
"""Run time in seconds of the first attempt of a lease after which those behind it are recalled."""


class Allocator:
    """Allocates free resources to attempts and requests; `prefetch` permits prefetching."""

    def __init__(self, state: DispatchState, *, prefetch: bool) -> None:
        self._state = state
        self._prefetches = prefetch
        self._last_lease = 0
        self._floor: list[float] = [inf] * len(state.ledger.size)
        """By pool, the smallest amount that a queue lacks; with less free than that nothing new can fit."""
        self._starts: list[tuple[int, int, int]] = []
        """Sort keys of the attempts that were started since `count_passed` last counted them."""
        self._overdue_at = inf
        self._checks: list[tuple[float, int]] = []
        """Times at which to check a lease for a long attempt, with its number."""

    def wake_at(self) -> float | None:
        """Returns when there is something to do without an input, in seconds; None for never."""
        when = min(self._checks[0][0] if self._checks else inf, self._overdue_at)
        return None if when == inf else when

    def start_what_fits(self, now: float) -> None:
        """Hands out and grants everything that fits now, by weight and order."""
        state = self._state
        free = state.ledger.free
        rescan, state.rescan = state.rescan, Rescan.NOTHING
        if rescan is Rescan.NOTHING and not state.fresh:
            return
        if rescan is Rescan.FREED and any(map(ge, free, self._floor)):
            rescan = Rescan.ALL
        grants: dict[str, list[attach_pb2.Lease]] = {}
        if rescan is Rescan.ALL:
            self._floor = [inf] * len(free)
            for each in list(self._state.reserved.held):
                self._try(each.queue, grants, now)
            self._scan_all(grants, now)
        elif state.fresh:
            self._scan_fresh(grants, now)
        state.fresh.clear()
        state.reserved.widen()
        state.actions.extend([Grant(host, tuple(leases)) for host, leases in grants.items()])

    def _scan_all(self, grants: dict[str, list[attach_pb2.Lease]], now: float) -> None:
        keys = self._state.ready_order.sort_keys
        free = self._state.ledger.free
        index = 0
        while index < len(keys):
            if not free[CORES] and not self._state.ready_order.coreless:
                self._floor[CORES] = min(self._floor[CORES], 1)
                return
            if not self._try(keys[index][3], grants, now):
                index += 1

    def _scan_fresh(self, grants: dict[str, list[attach_pb2.Lease]], now: float) -> None:
        """Tries fresh queues only: the others did not fit, and nothing was given back since."""
        heads = [queue.sort_key for queue in self._state.fresh if queue.sort_key]
        heapify(heads)
        while heads:
            queue = heappop(heads)[3]
            if self._try(queue, grants, now) and queue.sort_key:
                heappush(heads, queue.sort_key)

    def _try(self, queue: Queue, grants: dict[str, list[attach_pb2.Lease]], now: float) -> bool:
        """Starts the head of a queue if it fits and violates no reservation; returns whether it did."""
        free = self._state.ledger.free
        for pool, amount in queue.need.amounts:
            if free[pool] < amount:
                if amount < self._floor[pool]:
                    self._floor[pool] = amount
                return False
        host = None if queue.tier else self._state.hosts.choose(alone=queue.alone, now=now)
        if (host is None and not queue.tier) or (
            self._state.reserved.held and self._state.reserved.holder(queue)
        ):
            # It does not wait for a pool, so anything that becomes free is a reason to try again.
            self._floor[CORES] = 0
            return False
        share = self._state.ledger.take(queue.demand)
        assert share is not None, "the amounts were checked just before"
        assert queue.sort_key is not None, "only queues with a sort key are tried"
        self._last_lease += 1
        self._starts.append(queue.sort_key[:3])
        self._note_start(queue)
        if host is None:
            queue.waiting -= 1
            self._state.granted[queue.tier][self._last_lease] = share
            grant = attach_pb2.Lease(id=self._last_lease, demand=queue.demand.message(), cores=share.cores)
            grants.setdefault(queue.tier, []).append(grant)
        else:
            self._open(queue, host, share, now)
        self._state.refresh(queue)
        return True

    def _open(self, queue: Queue, host: Host, share: Share, now: float) -> None:
        lease = Lease(self._last_lease, host, queue, share)
        self._state.leases[lease.number] = lease
        host.leases[lease.number] = lease
        if queue.alone:
            host.state = HostState.ALONE
        queue.leases += 1
        self._hand_out(lease, queue.pop(), now)
        self._state.refillable[lease.number] = lease

    def _hand_out(self, lease: Lease, job: QueuedAttempt, now: float) -> None:
        if not lease.jobs:
            lease.since = now
        self._state.move(job, JobState.PREFETCHED if lease.jobs else JobState.HANDED)
        job.lease = lease.number
        lease.jobs.append(job)
        self._state.actions.append(HandOut(lease.host.name, lease.number, lease.share.cores, job.ready.key))

    def prefetch(self, now: float) -> None:
        """Prefetches attempts on leases with short ones, where fairness allows."""
        allowed: dict[Queue, bool] = {}
        for lease in self._state.refillable.values() if self._prefetches else ():
            queue = lease.queue
            if not (lease.jobs and queue.waiting and lease.state is LeaseState.OPEN) or queue.alone:
                continue
            fair = -(-queue.waiting // queue.leases)
            prefetched = len(lease.jobs) - 1
            room = min(queue.prefetch_count(PREFETCH_SECONDS, MAX_PREFETCHED), fair) - prefetched
            # Several at a time, because each separate hand-out is a message.
            if room <= 0 or room < prefetched or self._state.hosts.is_overloaded(lease.host):
                continue
            if queue not in allowed:
                allowed[queue] = self._may_prefetch(lease)
            if allowed[queue]:
                self._fill(lease, room, now)
        self._state.refillable.clear()

    def _fill(self, lease: Lease, room: int, now: float) -> None:
        queue = lease.queue
        for _ in range(min(room, queue.waiting)):
            job = queue.pop()
            ready = job.ready
            self._starts.append((-ready.weight, ready.order, job.seq))
            self._hand_out(lease, job, now)
        self._note_start(queue)
        self._state.refresh(queue)
        if not lease.watched:
            lease.watched = True
            heappush(self._checks, (lease.since + RECALL_SECONDS, lease.number))

    def _may_prefetch(self, lease: Lease) -> bool:
        """Returns whether neither a larger weight nor a reservation waits for the amounts of the lease."""
        queue, held = lease.queue, lease.share.need
        if self._state.reserved.wants(held, queue):
            return False
        assert queue.sort_key is not None, "only queues with attempts are handed out from"
        for key in self._state.ready_order.sort_keys:
            if key[0] >= queue.sort_key[0]:
                return True
            if self._state.ledger.has_after(key[3].need, held):
                return False
        return True

    def _note_start(self, queue: Queue) -> None:
        queue.passed = 0
        queue.passed_since = None
        if self._state.reserved.held and self._state.reserved.settle(queue):
            self._state.rescan = Rescan.ALL

    def count_passed(self, now: float) -> None:
        """Counts how often waiting queues were overtaken, and reserves for those that waited too long."""
        overdue = now >= self._overdue_at
        if not self._starts and not overdue:
            return
        starts = sorted(self._starts)
        self._starts.clear()
        keys = self._state.ready_order.sort_keys
        if not keys or not (overdue or (starts and starts[-1] > keys[0][:3])):
            return
        if overdue:
            self._overdue_at = inf
        for key in keys:
            queue = key[3]
            if past := len(starts) - bisect_right(starts, key[:3]):
                queue.passed += past
                if queue.passed_since is None:
                    queue.passed_since = now
            elif not overdue:
                break
            if queue.passed_since is None:
                continue
            if is_overdue(queue, now):
                self._state.reserved.reserve(queue)
            else:
                self._overdue_at = min(self._overdue_at, queue.passed_since + MAX_OVERTAKEN_SECONDS)

    def recall_late(self, now: float) -> None:
        """Recalls attempts that wait behind one that turned out to be long."""
        late: list[Lease] = []
        while self._checks and self._checks[0][0] <= now:
            _, number = heappop(self._checks)
            lease = self._state.leases.get(number)
            if lease is None:
                continue
            if not lease.prefetched or lease.state is LeaseState.RECALLING:
                lease.watched = False
            elif lease.since + RECALL_SECONDS > now:
                heappush(self._checks, (lease.since + RECALL_SECONDS, number))
            else:
                lease.watched = False
                late.append(lease)
        self._state.recall(late)
