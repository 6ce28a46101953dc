"""Children of a tier, and how far jobs and tiers have come."""

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct, field

from gator.core.tree.gate import Closing, Gate
from gator.plan import PlanNode
from gator.v1 import attach_pb2


class Phase(Enum):
    """How far a job has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    """It failed, and is tried again after a delay."""
    OUT = "out"
    STARTED = "started"


class TierState(Enum):
    """How far a tier has come."""

    RUNNING = "running"
    HOLDING = "holding"
    """Nothing new starts; running jobs may end by themselves."""
    STOPPING = "stopping"
    ENDED = "ended"


class Child(Struct, eq=False):
    """A child as written in the spec, with all of its repeats."""

    node: PlanNode
    gate: Gate
    base: int
    """Position of its first job in the order of the whole spec."""
    total: int
    """Number of its repeats; 1 if it does not repeat."""
    issued: int = 0
    """Number of repeats that were created."""
    live: int = 0
    """Number of created repeats without a Result."""
    closing: Closing | None = None
    """How the repeats that were not created are closed."""
    skipped: dict[int, attach_pb2.Stop] = field(default_factory=dict[int, attach_pb2.Stop])
    """Repeats that were stopped before they were created, by index."""

    def paths(self, parent: str) -> Iterator[str]:
        """Yields the paths of all its repeats below an instance of the parent."""
        return (self.node.path_below(parent, self.index_at(number)) for number in range(self.total))

    def index_at(self, number: int) -> int | None:
        """Returns the index of a repeat by its number in the order of creation, from 0."""
        return None if self.node.repeats is None else self.node.indices[number]

    def skip(self, label: str, request: attach_pb2.Stop) -> bool:
        """Closes the repeats that a label names when they are created; returns False if there are none."""
        repeats = self.node.parse_label(label)
        if repeats is None:
            return False
        self.skipped.update(dict.fromkeys(repeats, request))
        return True

    def take_skip(self, index: int | None) -> attach_pb2.Stop | None:
        """Returns why a repeat that is created now closes at once; None if it does not."""
        return self.skipped.pop(-1 if index is None else index, None) if self.skipped else None
