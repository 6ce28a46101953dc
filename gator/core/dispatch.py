"""Who may start what where: ready attempts and wishes in, hand-outs and grants out.

The rule it keeps: an attempt is out at most once, on a lease whose share the ledger has set aside.
Times are seconds of one monotonic clock, given by the caller.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf

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
    Warn,
)
from gator.core.dispatch_hosts import Fleet, Host, HostState, Lease, LeaseState
from gator.core.dispatch_queues import Job, JobState, Line, Queue
from gator.core.dispatch_reserve import PATIENCE_SECONDS, Reservations, is_overdue
from gator.core.dispatch_why import explain
from gator.core.ledger import CORES, Ledger, Share
from gator.core.pools import DemandKey
from gator.errors import GatorError
from gator.v1 import attach_pb2

AHEAD_SECONDS = 0.05
"""Work that is handed out ahead on a lease covers so much time at the recent mean."""

AHEAD_MOST = 32
"""Attempts handed out ahead on one lease."""

RECALL_SECONDS = 2 * AHEAD_SECONDS
"""When the first attempt of a lease runs for so long, those behind it are asked back."""


class Dispatcher:
    """Gives ready attempts to wrapper daemons and leases to tier daemons.

    Inputs change state and `poll` returns what is to be done about it, in order; call it after a batch of
    inputs and at `wake_at`. An attempt belongs to the dispatcher from `add` until it is cancelled in the
    queue, dropped by `on_recalled`, ended, or named by `on_host_lost` or `stop`; then its key is forgotten
    and may be added anew. Messages about keys that it does not know are ignored.
    """

    def __init__(self, ledger: Ledger, *, max_hosts: int, slots: int, fixed_host: str | None) -> None:
        self._ledger = ledger
        self._fleet = Fleet(most=max_hosts, slots=slots, fixed=fixed_host)
        self._jobs: dict[Key, Job] = {}
        self._counts = [0] * len(JobState)
        self._queues: dict[tuple[DemandKey, bool, str], Queue] = {}
        self._alone: list[Queue] = []
        self._wishes: dict[str, list[Queue]] = {}
        self._line = Line()
        self._reserved = Reservations(ledger)
        self._leases: dict[int, Lease] = {}
        self._granted: dict[str, dict[int, Share]] = {}
        self._last_lease = 0
        self._stopped = False
        # What the next poll has to look at.
        self._fresh: set[Queue] = set()
        self._scan_all = False
        self._look_again = False
        self._freed = False
        self._look_again = False
        self._floor: list[float] = [inf] * len(ledger.size)
        """For each pool the least that some queue lacks; below all of them nothing new can fit."""
        self._thin: dict[int, Lease] = {}
        self._begun: list[tuple[int, int, int]] = []
        self._patience_at = inf
        self._alarms: list[tuple[float, int]] = []
        self._actions: list[Action] = []

    # -- attempts ------------------------------------------------------------------------------------------

    def add(self, item: Ready, now: float) -> None:
        """An attempt is ready.

        ValueError if its key is known already; GatorError if its demand can never be met, or after `stop`.
        """
        if self._stopped:
            raise GatorError(f"start {item.key[0]}: nothing new starts after a stop")
        if item.key in self._jobs:
            raise ValueError(f"{item.key} was added before")
        queue = self._queue(item.demand, alone=item.alone and not self._fleet.fixed)
        job = Job(item, queue, self._line.number())
        self._jobs[item.key] = job
        self._counts[JobState.QUEUED] += 1
        self._enqueue(job)

    def add_many(self, items: Iterable[Ready], now: float) -> None:
        """Several attempts are ready."""
        for item in items:
            self.add(item, now)

    def cancel(self, key: Key, now: float) -> Cancelled:
        """An attempt shall not start; where it was decides what follows."""
        job = self._jobs.get(key)
        if job is None:
            return Cancelled.UNKNOWN
        if job.state is JobState.QUEUED:
            queue = job.queue
            queue.waiting -= 1
            self._forget(job)
            self._refresh(queue)
            return Cancelled.QUEUED
        if job.state in (JobState.AHEAD, JobState.WITHDRAWN):
            self._move(job, JobState.WITHDRAWN)
            self._recall([self._leases[job.lease]])
            return Cancelled.AHEAD
        return Cancelled.RUNNING

    def on_started(self, key: Key, now: float) -> None:
        """A host reports the start of an attempt."""
        job = self._jobs.get(key)
        if job is not None and job.state is not JobState.QUEUED:
            self._move(job, JobState.RUNNING)

    def on_finished(self, key: Key, now: float) -> None:
        """A host reports the end of an attempt; nothing of it is alive."""
        job = self._jobs.get(key)
        if job is None or job.state is JobState.QUEUED:
            return
        lease = self._leases[job.lease]
        if lease.jobs[0] is job:
            # From end to end: starts and ends are often reported together.
            lease.queue.note_time(now - lease.since)
        self._take_off(lease, job, now)
        self._forget(job)
        if lease.jobs:
            self._thin[lease.number] = lease

    def on_recalled(self, keys: Iterable[Key], now: float) -> list[Key]:
        """A host gives attempts back unstarted: they are queued again, or returned if cancelled."""
        dropped: list[Key] = []
        for key in keys:
            job = self._jobs.get(key)
            if job is None or job.state in (JobState.QUEUED, JobState.RUNNING):
                continue
            self._take_off(self._leases[job.lease], job, now)
            if job.state is JobState.WITHDRAWN or self._stopped:
                self._forget(job)
                dropped.append(key)
            else:
                self._move(job, JobState.QUEUED)
                self._enqueue(job)
        return dropped

    # -- wrapper daemons -----------------------------------------------------------------------------------

    def on_host(self, host: str, now: float) -> None:
        """A wrapper daemon is up."""
        fresh = self._fleet.count(HostState.FRESH)
        self._fleet.arrived(host, alone=self._waiting_alone() > fresh)
        self._scan_all = True

    def on_host_start_failed(self, now: float) -> None:
        """A wrapper daemon that was asked for ended before it was up."""
        self._fleet.starting = max(0, self._fleet.starting - 1)
        self._scan_all = True

    def on_host_lost(self, host: str, now: float) -> tuple[list[Key], list[Key]]:
        """A wrapper daemon is gone and nothing of its jobs is alive: its leases are freed.

        Returns what was reported as started and what was not, each in the order of its hand-out.
        """
        lost = self._fleet.hosts.pop(host, None)
        started: list[Key] = []
        unstarted: list[Key] = []
        if lost is None:
            return started, unstarted
        for lease in list(lost.leases.values()):
            for job in lease.jobs:
                (started if job.state is JobState.RUNNING else unstarted).append(job.ready.key)
                self._forget(job)
            lease.jobs.clear()
            self._close(lease)
        self._scan_all = True
        return started, unstarted

    # -- tier daemons --------------------------------------------------------------------------------------

    def on_wishes(self, host: str, wishes: Sequence[attach_pb2.LeaseWish], now: float) -> None:
        """What a tier daemon could use besides what it holds; replaces its wishes before."""
        if self._stopped:
            return
        self._granted.setdefault(host, {})
        before = self._wishes.get(host, [])
        for queue in before:
            queue.waiting = 0
        now_wished = dict.fromkeys(self._queue(DemandKey.of(wish.demand), tier=host) for wish in wishes)
        for wish in wishes:
            queue = self._queue(DemandKey.of(wish.demand), tier=host)
            queue.weight = max(queue.weight, wish.priority) if queue.waiting else wish.priority
            queue.waiting += wish.count
        self._wishes[host] = list(now_wished)
        self._fresh.update(now_wished)
        for queue in (*before, *now_wished):
            self._refresh(queue)

    def on_leases_returned(self, host: str, ids: Iterable[int], now: float) -> None:
        """A tier daemon gives leases back; ids that it does not hold are ignored."""
        held = self._granted.get(host, {})
        for number in ids:
            share = held.pop(number, None)
            if share is not None:
                self._give(share)

    def on_tier_host_lost(self, host: str, now: float) -> None:
        """A tier daemon is gone and nothing below it is alive: its leases are freed, its wishes forgotten."""
        for queue in self._wishes.pop(host, []):
            queue.waiting = 0
            self._refresh(queue)
        for share in self._granted.pop(host, {}).values():
            self._give(share)

    # -- the whole -----------------------------------------------------------------------------------------

    def stop(self) -> list[Key]:
        """Nothing new starts. Returns what was queued; what is out ahead comes back by `on_recalled`."""
        self._stopped = True
        queued = [job for job in self._jobs.values() if job.state is JobState.QUEUED]
        for job in queued:
            self._forget(job)
        for queue in self._queues.values():
            queue.waiting = 0
            self._refresh(queue)
        self._recall([lease for lease in self._leases.values() if lease.ahead])
        return [job.ready.key for job in queued]

    def poll(self, now: float) -> list[Action]:
        """What is to be done now, in order."""
        if not self._stopped:
            if not self._waiting_alone() and self._fleet.release_fresh():
                self._scan_all = True
            self._start_what_fits(now)
            self._hand_out_ahead(now)
            self._pass_over(now)
            self._ask_for_hosts()
            self._ring(now)
        actions, self._actions = self._actions, []
        return actions

    def wake_at(self) -> float | None:
        """When to call `poll` at the latest, in seconds; None if only an input can change anything."""
        if self._stopped:
            return None
        when = min(self._alarms[0][0] if self._alarms else inf, self._patience_at)
        return None if when == inf else when

    def waiting_for(self, key: Key) -> str:
        """What an attempt waits for, by name and number; empty if it runs or is not known."""
        job = self._jobs.get(key)
        if job is None:
            return ""
        return explain(job, self._ledger, self._reserved, self._fleet, self._leases, self._granted)

    @property
    def counts(self) -> DispatchCounts:
        """How many attempts and hosts there are, by what they are at."""
        count = self._counts
        return DispatchCounts(
            queued=count[JobState.QUEUED],
            ahead=count[JobState.AHEAD] + count[JobState.WITHDRAWN],
            running=count[JobState.HANDED] + count[JobState.RUNNING],
            leases=len(self._leases) + sum(map(len, self._granted.values())),
            hosts=len(self._fleet.hosts),
            starting_hosts=self._fleet.starting,
        )

    # -- starting ------------------------------------------------------------------------------------------

    def _start_what_fits(self, now: float) -> None:
        free = self._ledger.free
        if self._freed and not self._scan_all:
            enough = any(left >= floor for left, floor in zip(free, self._floor, strict=True))
            self._scan_all = self._look_again or enough
        grants: dict[str, list[attach_pb2.Lease]] = {}
        if self._scan_all:
            self._floor = [inf] * len(free)
            self._scan_all = self._look_again = False
            for each in list(self._reserved.held):
                self._try(each.queue, grants, now)
            self._scan_line(grants, now)
        elif self._fresh:
            self._scan_fresh(grants, now)
        self._freed = False
        self._fresh.clear()
        self._reserved.widen()
        self._actions.extend(Grant(host, tuple(leases)) for host, leases in grants.items())

    def _scan_line(self, grants: dict[str, list[attach_pb2.Lease]], now: float) -> None:
        places = self._line.places
        free = self._ledger.free
        at = 0
        while at < len(places):
            if not free[CORES] and not self._line.coreless:
                self._floor[CORES] = 1
                return
            if not self._try(places[at][3], grants, now):
                at += 1

    def _scan_fresh(self, grants: dict[str, list[attach_pb2.Lease]], now: float) -> None:
        """The other queues did not fit when they were looked at, and nothing came back since."""
        heads = [queue.place for queue in self._fresh if queue.place]
        heapify(heads)
        while heads:
            queue = heappop(heads)[3]
            if self._try(queue, grants, now) and queue.place:
                heappush(heads, queue.place)

    def _try(self, queue: Queue, grants: dict[str, list[attach_pb2.Lease]], now: float) -> bool:
        """Start the head of a queue if it fits and nothing is kept for another."""
        free = self._ledger.free
        for pool, amount in queue.need.amounts:
            if free[pool] < amount:
                if amount < self._floor[pool]:
                    self._floor[pool] = amount
                return False
        host = None if queue.tier else self._fleet.place(alone=queue.alone)
        if (host is None and not queue.tier) or (self._reserved.held and self._reserved.holder(queue)):
            # What it waits for is no pool, so anything that becomes free is a reason to look again.
            self._look_again = True
            return False
        share = self._ledger.take(queue.demand)
        assert share is not None, "what was looked up just now is free"
        assert queue.place is not None, "only queues in the line are tried"
        self._last_lease += 1
        self._note_start(queue, queue.place[:3])
        if host is None:
            queue.waiting -= 1
            self._granted[queue.tier][self._last_lease] = share
            grant = attach_pb2.Lease(id=self._last_lease, demand=queue.demand.message(), cores=share.cores)
            grants.setdefault(queue.tier, []).append(grant)
        else:
            self._open(queue, host, share, now)
        self._refresh(queue)
        return True

    def _open(self, queue: Queue, host: Host, share: Share, now: float) -> None:
        lease = Lease(self._last_lease, host, queue, share)
        self._leases[lease.number] = lease
        host.leases[lease.number] = lease
        if queue.alone:
            host.state = HostState.ALONE
        queue.leases += 1
        self._hand_out(lease, queue.pop(), now)
        self._thin[lease.number] = lease

    def _hand_out(self, lease: Lease, job: Job, now: float) -> None:
        if not lease.jobs:
            lease.since = now
        self._move(job, JobState.AHEAD if lease.jobs else JobState.HANDED)
        job.lease = lease.number
        lease.jobs.append(job)
        self._actions.append(HandOut(lease.host.name, lease.number, lease.share.cores, job.ready.key))

    def _hand_out_ahead(self, now: float) -> None:
        allowed: dict[Queue, bool] = {}
        for lease in self._thin.values():
            queue = lease.queue
            if not (lease.jobs and queue.waiting and lease.state is LeaseState.OPEN) or queue.alone:
                continue
            fair = -(-queue.waiting // queue.leases)
            ahead = len(lease.jobs) - 1
            room = min(queue.ahead_for(AHEAD_SECONDS, AHEAD_MOST), fair) - ahead
            # In handfuls, because each hand-out of its own is a message.
            if room <= 0 or room < ahead or self._fleet.is_crowded(lease.host):
                continue
            if queue not in allowed:
                allowed[queue] = self._may_go_ahead(lease)
            if allowed[queue]:
                self._fill(lease, room, now)
        self._thin.clear()

    def _fill(self, lease: Lease, room: int, now: float) -> None:
        queue = lease.queue
        for _ in range(min(room, queue.waiting)):
            job = queue.pop()
            self._note_start(queue, (-job.ready.weight, job.ready.order, job.seq))
            self._hand_out(lease, job, now)
        self._refresh(queue)
        if not lease.watched:
            lease.watched = True
            heappush(self._alarms, (lease.since + RECALL_SECONDS, lease.number))

    def _may_go_ahead(self, lease: Lease) -> bool:
        """Whether nothing of larger weight, and no reservation, waits for what the lease holds."""
        queue, held = lease.queue, lease.share.need
        if self._reserved.wants(held, queue):
            return False
        assert queue.place is not None, "only queues with attempts are handed out from"
        for place in self._line.places:
            if place[0] >= queue.place[0]:
                return True
            if self._ledger.has_after(place[3].need, held):
                return False
        return True

    def _note_start(self, queue: Queue, place: tuple[int, int, int]) -> None:
        self._begun.append(place)
        queue.passed = 0
        queue.passed_since = None
        if self._reserved.held and self._reserved.settle(queue):
            self._scan_all = True

    # -- time ----------------------------------------------------------------------------------------------

    def _pass_over(self, now: float) -> None:
        """Count the starts that went past those still waiting, and reserve for whoever waited too long."""
        begun = sorted(self._begun)
        self._begun.clear()
        overdue = now >= self._patience_at
        places = self._line.places
        if not places or not (overdue or (begun and begun[-1] > places[0][:3])):
            return
        if overdue:
            self._patience_at = inf
        for place in places:
            queue = place[3]
            if past := len(begun) - bisect_right(begun, place[:3]):
                queue.passed += past
                if queue.passed_since is None:
                    queue.passed_since = now
            elif not overdue:
                break
            if queue.passed_since is None:
                continue
            if is_overdue(queue, now):
                self._reserved.reserve(queue)
            else:
                self._patience_at = min(self._patience_at, queue.passed_since + PATIENCE_SECONDS)

    def _ring(self, now: float) -> None:
        """Ask back what waits behind an attempt that turned out to be long."""
        late: list[Lease] = []
        while self._alarms and self._alarms[0][0] <= now:
            _, number = heappop(self._alarms)
            lease = self._leases.get(number)
            if lease is None:
                continue
            if not lease.ahead or lease.state is LeaseState.RECALLING:
                lease.watched = False
            elif lease.since + RECALL_SECONDS > now:
                heappush(self._alarms, (lease.since + RECALL_SECONDS, number))
            else:
                lease.watched = False
                late.append(lease)
        self._recall(late)

    def _recall(self, leases: Iterable[Lease]) -> None:
        by_host: dict[str, list[int]] = {}
        for lease in leases:
            if lease.state is LeaseState.OPEN:
                lease.state = LeaseState.RECALLING
                by_host.setdefault(lease.host.name, []).append(lease.number)
        self._actions.extend(Recall(host, tuple(numbers)) for host, numbers in by_host.items())

    def _ask_for_hosts(self) -> None:
        alone = self._waiting_alone()
        ready = self._counts[JobState.QUEUED] - alone
        if self._fleet.is_full and not self._alone:
            return
        plain, fresh = self._fleet.missing(work=ready and ready + len(self._leases), alone=alone)
        self._fleet.starting += plain + fresh
        if plain:
            self._actions.append(StartHost(plain))
        if fresh:
            self._actions.append(StartHost(fresh, alone=True))

    # -- keeping books -------------------------------------------------------------------------------------

    def _queue(self, demand: DemandKey, *, alone: bool = False, tier: str = "") -> Queue:
        name = (demand, alone, tier)
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(demand, self._ledger.need(demand), alone, tier)
            if alone:
                self._alone.append(queue)
            self._actions.extend(map(Warn, self._ledger.warnings(demand)))
        return queue

    def _enqueue(self, job: Job) -> None:
        queue = job.queue
        if not queue.waiting:
            self._fresh.add(queue)
        queue.push(job)
        place = queue.place
        if place is None or job.ready.weight > -place[0] or job.ready.order < place[1]:
            self._refresh(queue)

    def _refresh(self, queue: Queue) -> None:
        self._line.refresh(queue)
        if queue.place is None and self._reserved.held and self._reserved.settle(queue):
            self._scan_all = True

    def _waiting_alone(self) -> int:
        return sum([queue.waiting for queue in self._alone]) if self._alone else 0

    def _take_off(self, lease: Lease, job: Job, now: float) -> None:
        was_first = lease.jobs[0] is job
        lease.jobs.remove(job)
        if not lease.jobs:
            self._close(lease)
            return
        if lease.state is LeaseState.RECALLING and not lease.ahead:
            lease.state = LeaseState.OPEN
        if was_first:
            lease.since = now
            if lease.jobs[0].state is JobState.AHEAD:
                self._move(lease.jobs[0], JobState.HANDED)

    def _close(self, lease: Lease) -> None:
        del self._leases[lease.number]
        self._thin.pop(lease.number, None)
        lease.host.leases.pop(lease.number)
        lease.queue.leases -= 1
        self._give(lease.share)
        if lease.host.state is HostState.ALONE and self._fleet.hosts.pop(lease.host.name, None):
            self._actions.append(RetireHost(lease.host.name))

    def _give(self, share: Share) -> None:
        self._ledger.give(share)
        self._freed = True

    def _forget(self, job: Job) -> None:
        self._move(job, JobState.GONE)
        del self._jobs[job.ready.key]

    def _move(self, job: Job, state: JobState) -> None:
        self._counts[job.state] -= 1
        self._counts[state] += 1
        job.state = state
