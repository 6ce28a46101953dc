"""Explains why ready attempts have not started, and which attempts hold the leases.

It only reads the state of a dispatcher, and only when it is asked, so that it costs nothing otherwise.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from gator.core.dispatch.actions import Key
from gator.core.dispatch.hosts import Lease
from gator.core.dispatch.ledger import CORELESS, CORES, MEMORY
from gator.core.dispatch.queues import JobState, Queue, QueuedAttempt
from gator.core.dispatch.state import DispatchState
from gator.units import plural
from gator.v1 import query_pb2

MAX_HOLDERS = 20
"""Maximum number of leases that are named for one pool."""
_REASONS: Final = {
    CORES: query_pb2.WAITING_REASON_CORES,
    CORELESS: query_pb2.WAITING_REASON_CORES,
    MEMORY: query_pb2.WAITING_REASON_MEMORY,
}
_NO_REASON: Final = query_pb2.WAITING_REASON_UNSPECIFIED


def reason_of(pool: int) -> query_pb2.WaitingReason.ValueType:
    """Returns the reason for waiting if a pool lacks something; other pools are licenses."""
    return _REASONS.get(pool, query_pb2.WAITING_REASON_LICENSE)


class Holder(Struct, frozen=True):
    """A lease that is out; `key` is the attempt that runs on it, None for a lease of a tier daemon."""

    lease: int
    host: str
    cores: int
    key: Key | None = None

    def __str__(self) -> str:
        who = f"{self.key[0]} (attempt {self.key[1]})" if self.key is not None else "a tier"
        return f"{who} holds lease {self.lease} on {self.host}"


class WaitReason(Struct, frozen=True):
    """One reason why an attempt waits; `reason` is unspecified if other attempts go first."""

    reason: query_pb2.WaitingReason.ValueType
    text: str
    holders: tuple[Holder, ...] = ()
    is_handed_out: bool = False
    """Whether the attempt is handed out and its daemon has not started it yet."""

    def __str__(self) -> str:
        return ", ".join((self.text, *map(str, self.holders)))


def explain(state: DispatchState, path: str) -> list[WaitReason]:
    """Returns why the newest attempt of a job has not started.

    Empty if the dispatcher does not know it: it waits for another node, is running, or has ended.
    """
    jobs = [job for key, job in state.jobs.items() if key[0] == path]
    if not jobs:
        return []
    job = max(jobs, key=lambda each: each.ready.key[1])
    if job.state in (JobState.RUNNING, JobState.WITHDRAWN, JobState.GONE):
        return []
    if job.state is JobState.QUEUED:
        return [*_reasons_of_queue(state, job.queue), *_attempts_ahead(state, job)]
    lease = state.leases[job.lease]
    if job.state is JobState.HANDED:
        text = f"handed out to {lease.host.name} (lease {lease.number}), not started yet"
        return [WaitReason(_NO_REASON, text, is_handed_out=True)]
    before = lease.jobs.index(job)
    first = lease.jobs[0].ready.key
    behind = f"behind {plural(before, 'attempt')} of the same lease"
    text = f"handed out to {lease.host.name} (lease {lease.number}), {behind}"
    return [WaitReason(_NO_REASON, text, (_holder(lease, first),), is_handed_out=True)]


def explain_queues(state: DispatchState) -> Iterator[tuple[Queue, str]]:
    """Yields each queue that is not empty and the reasons why its first attempt has not started."""
    for queue in state.ready_order:
        head = queue.head()
        first = f"{head.ready.key[0]} (attempt {head.ready.key[1]})" if head is not None else queue.tier
        more = f" and {queue.waiting - 1:,} more" if queue.waiting > 1 else ""
        reasons = _reasons_of_queue(state, queue) or [WaitReason(_NO_REASON, "its turn has not come")]
        yield queue, f"{first}{more}: {'; '.join(map(str, reasons))}"


def _holder(lease: Lease, key: Key) -> Holder:
    return Holder(lease.number, lease.host.name, lease.share.cores, key)


def _reasons_of_queue(state: DispatchState, queue: Queue) -> list[WaitReason]:
    """Returns the reasons why the first attempt of a queue has not started."""
    ledger = state.ledger
    lacking = ledger.lacking(queue.need)
    reasons = [
        WaitReason(reason_of(pool), text, tuple(_holders_of(state, pool)))
        for pool, text in zip(lacking, ledger.shortage(queue.need), strict=True)
    ]
    if reasons:
        return reasons
    reserved = state.reserved.holder(queue) if state.reserved.held else None
    if reserved is not None:
        head = reserved.head()
        name = head.ready.key[0] if head is not None else f"the tier daemon {reserved.tier}"
        return [WaitReason(_NO_REASON, f"free resources are reserved for {name}, which has waited longer")]
    if queue.alone:
        return [
            WaitReason(
                query_pb2.WAITING_REASON_HOST,
                "needs a new daemon of its own, because an earlier daemon died while running it",
            )
        ]
    if state.hosts.starting and not queue.tier:
        return [
            WaitReason(
                query_pb2.WAITING_REASON_HOST,
                f"waiting for {plural(state.hosts.starting, 'daemon')} to start",
            )
        ]
    return []


def _attempts_ahead(state: DispatchState, job: QueuedAttempt) -> Iterator[WaitReason]:
    """Yields a reason for each attempt that goes first."""
    head = job.queue.head()
    if head is not None and head is not job:
        same = f"{job.queue.waiting} attempts with the same demand are waiting"
        yield WaitReason(_NO_REASON, f"queued behind {head.ready.key[0]}; {same}")
    first = next(iter(state.ready_order), None)
    if first is not None and first is not job.queue:
        ahead = first.head()
        name = ahead.ready.key[0] if ahead is not None else f"the tier daemon {first.tier}"
        yield WaitReason(_NO_REASON, f"{name} goes first, because of its weight or its position in the spec")


def _holders_of(state: DispatchState, pool: int) -> Iterator[Holder]:
    count = 0
    for lease in state.leases.values():
        if count < MAX_HOLDERS and any(pool == each for each, _ in lease.share.need.amounts):
            count += 1
            yield _holder(lease, lease.jobs[0].ready.key)
    for host, granted in state.granted.items():
        for number, share in granted.items():
            if count < MAX_HOLDERS and any(pool == each for each, _ in share.need.amounts):
                count += 1
                yield Holder(number, host, share.cores)
