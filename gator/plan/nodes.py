"""What a plan consists of: nodes, and the edges between them. Holds data only; decides nothing."""

import enum
from collections.abc import Sequence

from msgspec import Struct, field

from gator.v1 import common_pb2, spec_pb2


class Condition(enum.Enum):
    """What must have come of the awaited node."""

    ON_PASS = enum.auto()
    ON_FAIL = enum.auto()
    ON_DONE = enum.auto()


class PlanNode(Struct, eq=False):
    """A job, group or array of the plan, once for all its repeats.

    A child of an array is one node with a number of repeats, so that a large array costs no more than
    a small one; a repeat exists only while it runs.
    """

    ident: str
    """Name among the siblings."""
    kind: common_pb2.NodeKind.ValueType
    """Job, group or array."""
    template: str
    """The path without indices of repeats, such as `top/counting/echo_count`."""
    parent: "PlanNode | None"
    """The node above; None for the root."""
    order: int
    """Preorder number over the whole tree as written, also where some of it is not selected."""
    position: common_pb2.SourcePosition
    """Where the node stands in the text."""
    settings: spec_pb2.Settings
    """Everything inherited, merged. Unset means that no level said anything."""
    place: int = 0
    """Number among its siblings as written, from 0, also where some of them are not selected."""
    children: "list[PlanNode]" = field(default_factory=list["PlanNode"])
    """The selected children in the order of the text; empty for a job."""
    repeats: int | None = None
    """How often the node repeats under one instance of its parent; None where that is no array."""
    indices: Sequence[int] = ()
    """The selected repeats, ascending; empty where `repeats` is None."""
    weight: int = 0
    """Sum of the priorities from the root down to here; larger starts first."""
    demand: common_pb2.Demand = field(default_factory=common_pb2.Demand)
    """What a job holds while it runs, with defaults filled in; empty for groups and arrays."""
    enforce_memory: bool = False
    """Whether an attempt that uses more memory than demanded fails."""
    allow_failure: bool = False
    """Whether a failure is neutral for the group above."""
    deadline_millis: int = 0
    """Longest time from the start of the node to its Result; 0 for no limit."""
    max_fail: int = 0
    """After this many failed jobs below nothing new starts; 0 for no limit."""
    tags: tuple[str, ...] = ()
    """The node's tags and those of all levels above, sorted."""
    job: spec_pb2.Job | None = None
    """The job with everything inherited in its settings and `${{ }}` as written; None for others."""
    waits: "list[Edge]" = field(default_factory=list["Edge"])
    """What this node waits for."""
    jobs: int = 0
    """Number of selected jobs in one instance of this node; 1 for a job."""

    @property
    def instances(self) -> int:
        """Number of selected instances under one instance of the parent."""
        return 1 if self.repeats is None else len(self.indices)

    def __repr__(self) -> str:
        return f"<PlanNode {self.template}>"


class Edge(Struct, frozen=True, eq=False):
    """One node waits for another one, in every instance of `common`."""

    waiting: PlanNode
    """The node that waits; in all its repeats below `common`."""
    awaited: PlanNode
    """The node that is waited for."""
    index: tuple[int, ...] | None
    """Which repeat is meant: one number for each node that repeats on the way from below `common` down
    to `awaited`, with -1 where all repeats of that level are meant. None means all of all levels. What is
    meant together counts as one: failed if any failed."""
    condition: Condition
    """What must have come of it."""
    common: PlanNode
    """The nearest node above both whose instance they share; its tier releases."""
    unselected: bool
    """The awaited node does not run in this plan: on_pass and on_done are met, on_fail is not."""

    def __repr__(self) -> str:
        return f"<Edge {self.waiting.template} {self.condition.name.lower()} {self.awaited.template}>"
