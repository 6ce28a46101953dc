"""Reservations: what becomes free is kept for a queue that others went past for too long.

The rule it keeps: an earlier reservation is never held up by a later one, so each is met in the end.
"""

from msgspec import Struct

from gator.core.dispatch.ledger import FIRST_LICENSE, Ledger, Need
from gator.core.dispatch.queues import Queue

PATIENCE_SECONDS = 30.0
PATIENCE_STARTS = 100


class Reservation(Struct):
    """A queue and the pools that are kept for its head; pools are added, never removed."""

    queue: Queue
    pools: set[int]


def is_overdue(queue: Queue, now: float) -> bool:
    """Whether others went past the head of a queue for too long."""
    since = queue.passed_since
    return since is not None and (queue.passed >= PATIENCE_STARTS or now - since >= PATIENCE_SECONDS)


class Reservations:
    """The reservations of a run, the earliest first; never more than there are pools."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.held: list[Reservation] = []

    def reserve(self, queue: Queue) -> None:
        """Keep for a queue the scarcest of what it lacks now, unless others have all of that."""
        if any(each.queue is queue for each in self.held):
            return
        lacking = self._scarcest(queue.need)
        if lacking.difference(*(each.pools for each in self.held)):
            self.held.append(Reservation(queue, lacking))

    def settle(self, queue: Queue) -> bool:
        """The queue got something or has nothing left: whether it had a reservation."""
        before = len(self.held)
        self.held = [each for each in self.held if each.queue is not queue]
        return len(self.held) < before

    def widen(self) -> None:
        """Keep also what ran short since; else two kinds of small jobs could take turns for ever."""
        for each in self.held:
            each.pools.update(self._scarcest(each.queue.need))

    def _scarcest(self, need: Need) -> set[int]:
        """Of the pools that lack something: licences first, then memory, then cores.

        Whoever waits hours for a licence shall not keep a core idle for as long.
        """
        lacking = self._ledger.lacking(need)
        rank = min(max(lacking, default=0), FIRST_LICENSE)
        return {pool for pool in lacking if pool >= rank}

    def holder(self, queue: Queue) -> Queue | None:
        """Whose reservation a start from this queue would touch; None if it may start."""
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
        """Whether another queue waits for one of the pools that `need` holds."""
        return any(
            each.queue is not queue and any(pool in each.pools for pool, _ in need.amounts)
            for each in self.held
        )
