"""Reservations: resources that become free are kept for a queue that was overtaken for too long.

Invariant: a later reservation never delays an earlier one, so each is eventually met.
"""

from msgspec import Struct

from gator.core.dispatch.ledger import FIRST_LICENSE, Ledger, Need
from gator.core.dispatch.queues import Queue

MAX_OVERTAKEN_SECONDS = 30.0
"""Maximum time in seconds between the first overtaking of a queue and its reservation."""
MAX_OVERTAKEN_STARTS = 100
"""Maximum number of later attempts that start before a queue gets a reservation."""


class Reservation(Struct):
    """A queue and the pools that are kept for its head. Pools are added, never removed."""

    queue: Queue
    pools: set[int]


def is_overdue(queue: Queue, now: float) -> bool:
    """Returns whether the head of a queue was overtaken for too long."""
    since = queue.passed_since
    return since is not None and (
        queue.passed >= MAX_OVERTAKEN_STARTS or now - since >= MAX_OVERTAKEN_SECONDS
    )


class Reservations:
    """The reservations of a run, earliest first; never more than there are pools."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.held: list[Reservation] = []

    def reserve(self, queue: Queue) -> None:
        """Reserves for a queue the scarcest pools that it lacks, unless other queues have all of them."""
        if any(each.queue is queue for each in self.held):
            return
        lacking = self._scarcest(queue.need)
        if lacking.difference(*(each.pools for each in self.held)):
            self.held.append(Reservation(queue, lacking))

    def settle(self, queue: Queue) -> bool:
        """Ends the reservation of a queue that started an attempt or is empty; returns whether it had one."""
        before = len(self.held)
        self.held = [each for each in self.held if each.queue is not queue]
        return len(self.held) < before

    def widen(self) -> None:
        """Adds pools that ran short since; otherwise two kinds of small jobs could alternate forever."""
        for each in self.held:
            each.pools.update(self._scarcest(each.queue.need))

    def _scarcest(self, need: Need) -> set[int]:
        """Returns the scarcest pools that lack something: licenses, else memory, else cores.

        A job that waits for hours for a license must not keep a core idle meanwhile.
        """
        lacking = self._ledger.lacking(need)
        rank = min(max(lacking, default=0), FIRST_LICENSE)
        return {pool for pool in lacking if pool >= rank}

    def holder(self, queue: Queue) -> Queue | None:
        """Returns the queue whose reservation a start from this queue would violate; None if it may start."""
        free = self._ledger.free
        for each in self.held:
            if each.queue is queue:
                return None
            kept = dict(each.queue.need.amounts)
            for pool, amount in queue.need.amounts:
                if pool in each.pools and free[pool] - amount < kept[pool]:
                    return each.queue
        return None

    def wants(self, need: Need, queue: Queue) -> bool:
        """Returns whether another queue has reserved one of the pools that `need` takes."""
        return any(
            each.queue is not queue and any(pool in each.pools for pool, _ in need.amounts)
            for each in self.held
        )
