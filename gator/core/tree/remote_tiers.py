"""Tiers of a tree that live in other daemons, and the jobs that run there.

Invariant: stop requests for such a tier are kept until it ends, so that its next daemon gets them again.
"""

from msgspec import Struct, field

from gator.core.tree.child import Child
from gator.core.tree.tier import Tier
from gator.node_paths import ancestors, is_below
from gator.v1 import attach_pb2, event_pb2


class Remote(Struct):
    """One tier in another daemon."""

    tier: Tier
    """Its parent, which lives here."""
    child: Child
    stops: list[attach_pb2.Stop] = field(default_factory=list[attach_pb2.Stop])


class Remotes:
    """The tiers that have not ended, by path, and the paths of their running jobs, counted in a tally."""

    def __init__(self, tally: event_pb2.Tally) -> None:
        self._tally = tally
        self._tiers: dict[str, Remote] = {}
        self._running: set[str] = set()

    def add(self, path: str, tier: Tier, child: Child) -> None:
        """Adds a tier that is opened in another daemon."""
        self._tiers[path] = Remote(tier, child)

    def pop(self, path: str) -> Remote | None:
        """Removes a tier that ended; returns None if the node is not one of these tiers."""
        return self._tiers.pop(path, None)

    def get(self, path: str) -> Remote | None:
        """Returns a tier that has not ended."""
        return self._tiers.get(path)

    def holder(self, path: str) -> str | None:
        """Returns the path of the tier that is a node or contains it; None if the node lives here."""
        return next((above for above in (path, *ancestors(path)) if above in self._tiers), None)

    def note(self, path: str, message: attach_pb2.Release | attach_pb2.Stop) -> None:
        """Stores a message to a tier if it is a stop request."""
        if isinstance(message, attach_pb2.Stop) and path in self._tiers:
            self._tiers[path].stops.append(message)

    def ending(self, path: str) -> attach_pb2.Stop | None:
        """Returns the order that ended a tier as a whole; None while it continues or only holds."""
        remote = self._tiers.get(path)
        if remote is None:
            return None
        hold = attach_pb2.STOP_MODE_HOLD
        return next((stop for stop in remote.stops if stop.mode != hold and is_below(path, stop.path)), None)

    def start(self, path: str) -> None:
        """Counts a job as running."""
        if path not in self._running:
            self._running.add(path)
            self._tally.waiting -= 1
            self._tally.running += 1

    def end(self, path: str) -> None:
        """Counts a job as waiting again, if it was running."""
        if path in self._running:
            self._running.discard(path)
            self._tally.running -= 1
            self._tally.waiting += 1

    def lose(self, path: str) -> int:
        """Counts the jobs of a tier whose daemon died as waiting; returns how many were running."""
        lost = [job for job in self._running if is_below(job, path)]
        for job in lost:
            self.end(job)
        return len(lost)
