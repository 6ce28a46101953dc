"""Builds the tree of plan nodes of a spec, with inherited values but without dependencies."""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct, field

from gator.errors import Problem
from gator.node_paths import MAX_PATH_BYTES
from gator.plan import inherit, interpolate
from gator.plan.matrix import Matrix
from gator.plan.nodes import PlanNode
from gator.plan.repeats import RepeatsError, instances_of
from gator.plan.values import Own, Values, Written, is_quarantined, names_around, set_values
from gator.v1 import common_pb2, spec_pb2

_INDEX_BYTES = len("[2147483647]")
Repeats: TypeAlias = tuple[int, Matrix | None]
"""Number of instances of a child of an array, and the matrix that names them."""


class Tree(Struct):
    """The nodes in preorder, with indices to find them.

    The `order` of a node is its index in `nodes`, `ends` and `written`; the subtree of node n is
    `nodes[n.order : ends[n.order]]`.
    """

    nodes: list[PlanNode] = field(default_factory=list[PlanNode])
    ends: list[int] = field(default_factory=list[int])
    written: list[Written] = field(default_factory=list[Written])
    child: dict[tuple[int, str], PlanNode] = field(default_factory=dict[tuple[int, str], PlanNode])
    by_ident: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    without_matrix: set[int] = field(default_factory=set[int])
    """The arrays whose matrix or number of repeats is not valid, by their order."""
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])

    @property
    def root(self) -> PlanNode:
        """The node without a parent."""
        return self.nodes[0]

    def contains(self, outer: PlanNode, inner: PlanNode) -> bool:
        """Returns whether `inner` is `outer` or a descendant of it."""
        return outer.order <= inner.order < self.ends[outer.order]

    def below(self, node: PlanNode) -> Iterator[PlanNode]:
        """Returns the node and everything below it as written, in preorder."""
        return iter(self.nodes[node.order : self.ends[node.order]])


def problem_at(position: common_pb2.SourcePosition, message: str) -> Problem:
    """Returns a problem at a position of the spec."""
    return Problem(position.file, position.line, position.column, message)


def upwards(node: PlanNode | None) -> Iterator[PlanNode]:
    """Yields the node and its ancestors, the root last."""
    while node is not None:
        yield node
        node = node.parent


def build(
    spec: spec_pb2.Spec, scope: interpolate.Scope, above: spec_pb2.Settings | None = None, scale: float = 0
) -> Tree:
    """Returns the tree of a spec, with the problems found; the root inherits from `above`.

    Numbers of repeats are multiplied by `scale`, unless it is 0.
    """
    tree = Tree()
    inherited = inherit.merge(spec_pb2.Settings(), above or spec_pb2.Settings(), scope)
    _Builder(tree, scope, scale, Values(scope, inherited)).add(spec, None, inherited, None)
    return tree


class _Builder(Struct):
    tree: Tree
    scope: interpolate.Scope
    scale: float
    values: Values

    def add(
        self, spec: spec_pb2.Spec, parent: PlanNode | None, above: spec_pb2.Settings, repeats: Repeats | None
    ) -> PlanNode | None:
        """Adds a node and all below it; returns None if the spec has no node."""
        tree = self.tree
        arm = spec.WhichOneof("node")
        if arm is None:
            return None
        written: Written = spec.job if arm == "job" else spec.group if arm == "group" else spec.array
        own = self.values.own(written, above, {})
        node = self._node(own, parent, above, repeats)
        self.values.written.append(written)
        self._index(node, own.written)
        self._vary(node, own)
        self._select(node, written)
        # Paths below one that is too long are not reported as well.
        if (size := _max_path_bytes(node)) > MAX_PATH_BYTES and not (
            parent is not None and _max_path_bytes(parent) > MAX_PATH_BYTES
        ):
            message = f"its path may have {size} bytes; the maximum is {MAX_PATH_BYTES}: use shorter idents"
            tree.problems.append(problem_at(node.position, message))
        if not isinstance(written, spec_pb2.Job):
            repeats = self._repeats(node, written) if isinstance(written, spec_pb2.JobArray) else None
            added = (self.add(child, node, node.settings, repeats) for child in written.jobs)
            node.children = [child for child in added if child is not None]
            for index, child in enumerate(node.children):
                child.index = index
        tree.ends[node.order] = len(tree.nodes)
        return node

    def _vary(self, node: PlanNode, own: Own) -> None:
        """Records on which values of matrices a node depends, and reports the problems with them."""
        above = set(node.parent.varies_below) if node.parent is not None else set[str]()
        if not own.used and not above:
            self.tree.problems += own.problems
            return
        around = names_around(node)
        node.varies = tuple(sorted((own.used | above) & around))
        node.varies_below = tuple(sorted(own.passed_on | above))
        node.variant_source = self.values
        if own.used:
            self.tree.problems += self.values.problems(node, node)
        array = node.parent
        if array is not None and array.varies_below and array.order == node.order - 1:
            # Only its children know the values of the matrix of an array.
            self.tree.problems += self.values.problems(array, node)

    def _warn_of_quarantine(self, written: Written) -> None:
        today = self.scope.today
        if today and written.HasField("quarantine") and not is_quarantined(written, today):
            ended = f"ended on {written.quarantine.until}"
            message = f"the quarantine of '{written.ident}' {ended}: its failures count again"
            self.tree.warnings.append(problem_at(written.position, message))

    def _select(self, node: PlanNode, written: Written) -> None:
        if not written.when:
            return
        # Few nodes have one.
        from gator.plan.when import WhenError, apply_when

        try:
            apply_when(node, written.when, self.scope)
        except WhenError as error:
            self.tree.problems.append(problem_at(node.position, str(error)))

    def _repeats(self, node: PlanNode, written: spec_pb2.JobArray) -> Repeats:
        try:
            return instances_of(written, node.settings, self.scope, self.scale)
        except RepeatsError as error:
            position = written.matrix.position if written.matrix.HasField("position") else node.position
            self.tree.problems.append(problem_at(position, str(error)))
            self.tree.without_matrix.add(node.order)
            return 0, None

    def _node(
        self, own: Own, parent: PlanNode | None, above: spec_pb2.Settings, repeats: Repeats | None
    ) -> PlanNode:
        number, matrix = repeats if repeats is not None else (None, None)
        written = own.written
        self._warn_of_quarantine(written)
        node = PlanNode(
            ident=written.ident,
            kind=_KINDS[type(written)],
            template=written.ident if parent is None else f"{parent.template}/{written.ident}",
            parent=parent,
            order=len(self.tree.nodes),
            position=written.position,
            settings=inherit.merge(above, written.settings, self.scope),
            repeats=number,
            indices=() if number is None else range(number),
            matrix=matrix,
        )
        set_values(node, written, 0 if parent is None else parent.weight, self.scope.today)
        return node

    def _index(self, node: PlanNode, written: Written) -> None:
        tree = self.tree
        tree.nodes.append(node)
        tree.ends.append(0)
        tree.written.append(written)
        tree.by_ident.setdefault(node.ident, []).append(node.order)
        if node.parent is not None:
            first = tree.child.setdefault((node.parent.order, node.ident), node)
            if first is not node:
                line = f" (line {first.position.line})" if first.position.line else ""
                message = f"'{node.ident}' is already the name of a sibling{line}: rename one of them"
                tree.problems.append(problem_at(node.position, message))


def _max_path_bytes(node: PlanNode) -> int:
    """Returns the maximum number of bytes of the path of any repeat."""
    path = node.template
    # Nearly all are far below the limit, for which an upper bound is enough.
    maximum = 4 * len(path) + _INDEX_BYTES * (path.count("/") + 1)
    if maximum <= MAX_PATH_BYTES and all(above.matrix is None for above in upwards(node)):
        return maximum
    size = len(path.encode())
    for above in upwards(node):
        if above.matrix is not None:
            size += above.matrix.max_label_bytes + 2
        elif above.repeats is not None:
            size += _INDEX_BYTES
    return size


_KINDS: dict[type[Written], common_pb2.NodeKind.ValueType] = {
    spec_pb2.Job: common_pb2.NODE_KIND_JOB,
    spec_pb2.JobGroup: common_pb2.NODE_KIND_GROUP,
    spec_pb2.JobArray: common_pb2.NODE_KIND_ARRAY,
}
