"""Says what a ready attempt waits for, by name and number. Changes nothing."""

from gator.core.dispatch_books import Books
from gator.core.dispatch_queues import Job, JobState, Queue
from gator.core.ledger import FIRST_LICENSE, Share

MOST_NAMES = 5


def explain(job: Job, books: Books) -> str:
    """What an attempt waits for; empty if it runs."""
    if job.state in (JobState.AHEAD, JobState.WITHDRAWN):
        lease = books.leases[job.lease]
        return f"handed out ahead to {lease.host.name}, after {lease.jobs[0].ready.key[0]}"
    if job.state is not JobState.QUEUED:
        return "" if job.state is JobState.RUNNING else f"its start by {books.leases[job.lease].host.name}"
    queue, ledger = job.queue, books.ledger
    if ledger.lacking(queue.need):
        parts = ledger.shortage(queue.need)
        if holders := _holders(queue, books):
            parts.append(f"held by {_names(holders)}")
        return "; ".join(parts)
    if other := books.reserved.holder(queue):
        return f"its turn: what is free is kept for {_name_of(other)}, which was passed over for too long"
    if books.fleet.place(alone=queue.alone) is None:
        return "a fresh daemon to start" if queue.alone else "a daemon to start"
    return "its turn"


def _holders(queue: Queue, books: Books) -> list[str]:
    """Who holds the licences that a queue lacks."""
    pools = {pool for pool in books.ledger.lacking(queue.need) if pool >= FIRST_LICENSE}
    if not pools:
        return []
    names = [lease.jobs[0].ready.key[0] for lease in books.leases.values() if _holds(lease.share, pools)]
    names += [
        host
        for host, shares in books.granted.items()
        if any(_holds(share, pools) for share in shares.values())
    ]
    return names


def _holds(share: Share, pools: set[int]) -> bool:
    return any(pool in pools for pool, _ in share.need.amounts)


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _name_of(queue: Queue) -> str:
    head = queue.head()
    return queue.tier or (head.ready.key[0] if head else "another job")
