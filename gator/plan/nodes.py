"""Nodes of a plan, and the edges between them."""

import enum
from collections.abc import Iterator, Sequence, Set
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from gator.node_paths import join
from gator.plan.matrix import Matrix
from gator.v1 import common_pb2, spec_pb2

Index: TypeAlias = tuple[int | range, ...]


class Condition(enum.Enum):
    """The required outcome of the awaited node."""

    ON_PASS = enum.auto()
    ON_FAIL = enum.auto()
    ON_DONE = enum.auto()


class VariantSource(Protocol):
    """Fills in the values of nodes that depend on a matrix."""

    def variant_at(self, node: "PlanNode", path: str) -> "PlanNode":
        """Returns a node with the values of one instance."""
        ...

    def variants_of(self, node: "PlanNode") -> "Iterator[PlanNode]":
        """Yields a node for each combination that its values depend on."""
        ...


class Selector(Protocol):
    """Decides for each instance of a node whether it is selected."""

    @property
    def text(self) -> str:
        """The condition as written."""
        ...

    def selects(self, path: str) -> bool:
        """Returns whether an instance of the node is selected."""
        ...


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
    """Preorder number in the whole tree as written, including unselected nodes."""
    position: common_pb2.SourcePosition
    """Position of the node in the text."""
    settings: spec_pb2.Settings
    """The merged settings of all levels. Unset means that no level has a value."""
    index: int = 0
    """Number among its siblings as written, from 0, including unselected ones."""
    children: "list[PlanNode]" = field(default_factory=list["PlanNode"])
    """The selected children in the order of the text; empty for a job."""
    repeats: int | None = None
    """Number of repeats under one instance of the parent; None if that is not an array."""
    indices: Sequence[int] = ()
    """The selected repeats, ascending; empty if `repeats` is None."""
    matrix: Matrix | None = None
    """The combinations of the array above, whose instances are the repeats; None if it has none."""
    is_left_out: bool = False
    """Whether `when` leaves out the whole node."""
    left_out_repeats: Set[int] = frozenset()
    """The repeats that `when` leaves out, if it depends on the matrix of the array above."""
    condition: Selector | None = None
    """The `when` that each instance has a value of; None if it is the same under all parents."""
    weight: int = 0
    """Sum of the priorities from the root to this node; larger starts first."""
    demand: common_pb2.Demand = field(default_factory=common_pb2.Demand)
    """Resources of a job while it runs, with defaults; empty for groups and arrays."""
    enforce_memory: bool = False
    """Whether an attempt that uses more memory than demanded fails."""
    allow_failure: bool = False
    """Whether a failure is neutral for the group above."""
    quarantine: spec_pb2.Quarantine | None = None
    """The quarantine by which failures are tolerated on the day of the launch; None if there is none."""
    deadline_millis: int = 0
    """Maximum time from the start of the node to its Result; 0 for no limit."""
    max_fail: int = 0
    """Number of failed jobs below after which nothing new starts; 0 for no limit."""
    max_fail_per_cause: int = 0
    """Number of failed jobs below with the same cause after which nothing new starts; 0 for no limit."""
    tags: tuple[str, ...] = ()
    """The node's tags and those of all levels above, sorted."""
    job: spec_pb2.Job | None = None
    """The job with merged settings and `${{ }}` as written; None for groups and arrays."""
    contracts: Sequence[spec_pb2.Contract] = ()
    """Conditions on its metrics, as written."""
    hooks: spec_pb2.Hooks | None = None
    """The hooks of a group or array, with `${{ }}` as written; None if it has none."""
    waits: "list[Edge]" = field(default_factory=list["Edge"])
    """The edges to the nodes that this node waits for."""
    inputs: "list[Input]" = field(default_factory=list["Input"])
    """The artefacts of other jobs that a job uses."""
    has_inputs: bool | None = None
    """Cached result of `plan.has_inputs`; None before its first call."""
    is_partial: bool = False
    """Whether jobs below are left out by the selection of the run. Those left out by `when` do not count."""
    jobs: int = 0
    """Number of selected jobs in one instance of this node; 1 for a job."""
    varies: tuple[str, ...] = ()
    """Names of matrices on which the values of its keys depend, such as `matrix.test`."""
    varies_below: tuple[str, ...] = ()
    """Those names on which nodes below depend because they inherit keys."""
    variant_source: "VariantSource | None" = None
    """Fills in the values of the node; None if they are the same for all instances."""

    @property
    def instances(self) -> int:
        """Number of selected instances under one instance of the parent."""
        return 1 if self.repeats is None else len(self.indices)

    def resolved_at(self, path: str) -> "PlanNode":
        """Returns the node with the values of its keys in one instance, such as its resources and limits.

        The copy has no place in the tree: only its attributes may be read.
        """
        source = self.variant_source
        return self if source is None or not self.varies else source.variant_at(self, path)

    def resolved_variants(self) -> "Iterator[PlanNode]":
        """Yields the node with each combination of values that its instances have."""
        source = self.variant_source
        return iter((self,)) if source is None or not self.varies else source.variants_of(self)

    def path_below(self, parent: str, index: int | None) -> str:
        """Returns the path of a repeat below an instance of the parent; None if the node does not repeat."""
        if index is None or self.matrix is None:
            return join(parent, self.ident, index)
        return f"{parent}/{self.ident}[{self.matrix.label(index)}]"

    def label(self, index: int) -> str:
        """Returns the name of a repeat, as it stands in brackets."""
        return str(index) if self.matrix is None else self.matrix.label(index)

    def parse_label(self, label: str) -> range | None:
        """Returns the repeats that a label in brackets stands for; None if there are none."""
        if self.matrix is not None:
            return self.matrix.find(label)
        index = int(label) if label.isdecimal() else -1
        return range(index, index + 1) if 0 <= index < (self.repeats or 0) else None

    def index_in(self, path: str) -> int:
        """Returns the repeat of this node in its own path."""
        repeats = self.parse_label(path.rpartition("[")[2][:-1])
        if repeats is None:
            raise ValueError(f"{path} is not a repeat of {self.template}")
        return repeats.start

    def __repr__(self) -> str:
        return f"<PlanNode {self.template}>"


class Edge(Struct, frozen=True, eq=False):
    """One node waits for another, within every instance of `common`."""

    waiting: PlanNode
    """The node that waits, with all its repeats below `common`."""
    awaited: PlanNode
    """The node that is waited for."""
    index: Index | None
    """The awaited repeat: one number per repeating node from below `common` to `awaited`.

    -1 stands for all repeats of a level, a range for those of a combination, None for all repeats of all
    levels. Several awaited instances count as one, which failed if any of them failed.
    """
    condition: Condition
    """The required outcome."""
    common: PlanNode
    """The nearest common ancestor whose instance both share; its tier sends the release."""
    unselected: bool
    """Whether the awaited node is not selected: on_pass and on_done are met, on_fail is not."""

    def __repr__(self) -> str:
        return f"<Edge {self.waiting.template} {self.condition.name.lower()} {self.awaited.template}>"


class Input(Struct, frozen=True, eq=False):
    """An artefact of other jobs that a job uses."""

    edge: Edge
    """The wait for these jobs."""
    consumption: spec_pb2.Consumption
    optional: bool
    """Whether the artefact may be missing."""

    @property
    def is_repeated(self) -> bool:
        """Whether there may be several such jobs for one instance."""
        numbers = list(self.edge.index or ())
        node: PlanNode | None = self.edge.awaited
        while node is not None and node is not self.edge.common:
            step = numbers.pop() if numbers and node.repeats is not None else -1
            if node.repeats is not None and (isinstance(step, range) or step < 0):
                return True
            node = node.parent
        return False


def step_text(node: PlanNode, step: int | range) -> str:
    """Returns the label in brackets for a part of an index; empty for all repeats."""
    if isinstance(step, range):
        return node.matrix.group_label(step) if node.matrix is not None else f"{step.start}-{step.stop - 1}"
    return node.label(step) if step >= 0 else ""
