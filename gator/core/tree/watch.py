"""Watches the outcomes below a tier that other nodes wait for, folded over repeats.

Invariant: a repeated node counts as one, and its outcome is known once all of its repeats have ended.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from gator.core.outcomes import was_not_needed, was_not_selected
from gator.core.tree.gate import key_of, repeating
from gator.plan import Edge, Index, Plan, PlanNode
from gator.v1 import attach_pb2, common_pb2

_LABEL = re.compile(r"\[([^\]/]*)\]")
_RANK = {
    common_pb2.OUTCOME_FAILED: 5,
    common_pb2.OUTCOME_LOST: 4,
    common_pb2.OUTCOME_CANCELLED: 3,
    common_pb2.OUTCOME_PRUNED: 2,
    common_pb2.OUTCOME_PASSED: 1,
}


def _rank(outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType) -> int:
    if was_not_selected(outcome, reason):
        return -1
    return 0 if was_not_needed(outcome, reason) else _RANK.get(outcome, 0)


class RepeatFold(Struct):
    """Outcome of a node over all of its repeats."""

    remaining: int
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_UNSPECIFIED
    reason: common_pb2.Reason.ValueType = common_pb2.REASON_UNSPECIFIED

    def add(self, outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType) -> bool:
        """Adds the outcome of one repeat; returns whether it was the last."""
        self.remaining -= 1
        if self.outcome == common_pb2.OUTCOME_UNSPECIFIED or _rank(outcome, reason) > _rank(
            self.outcome, self.reason
        ):
            self.outcome, self.reason = outcome, reason
        return self.remaining == 0


class Watched(Struct, frozen=True):
    """All repeats of a node below a tier, or one of them, that others wait for."""

    key: str
    repeats: int
    index: Index | None
    nodes: tuple[PlanNode, ...]
    """The nodes that the numbers of the index belong to."""


class WatchPlan(Struct, frozen=True):
    """The nodes that the tier of one node watches, and the children that wait. Its repeats share it."""

    watched: dict[str, tuple[Watched, ...]]
    """The watched nodes, by the template of the awaited node."""
    waiting_children: dict[str, tuple[PlanNode, ...]]
    """Children that wait for an outcome, themselves or through a descendant, by key."""
    mutually_waiting: frozenset[str]
    """Templates of children whose repeats wait for each other, so that all must exist at once.

    The wait may be indirect: a node inside waits for one outside, which waits for all repeats of another node
    inside.
    """


class WatchPlans(Struct):
    """The watch plans of a plan, each made when it is first needed."""

    plan: Plan
    _made: dict[str, WatchPlan] = field(default_factory=dict[str, WatchPlan])
    _commons: dict[str, tuple[PlanNode, ...]] | None = None
    _waiting_children: dict[str, dict[str, dict[str, PlanNode]]] | None = None

    def commons_of(self, template: str) -> tuple[PlanNode, ...]:
        """Returns the nodes whose tiers watch for the node of this template."""
        if self._commons is None:
            commons: dict[str, dict[str, PlanNode]] = {}
            for edge in self.plan.edges:
                if not edge.unselected:
                    commons.setdefault(edge.awaited.template, {})[edge.common.template] = edge.common
            self._commons = {name: tuple(nodes.values()) for name, nodes in commons.items()}
        return self._commons.get(template, ())

    def of(self, node: PlanNode) -> WatchPlan:
        """Returns the watch plan of a group or array."""
        made = self._made.get(node.template)
        if made is None:
            watched: dict[str, dict[str, Watched]] = {}
            for edge in self.plan.edges_at(node):
                if not edge.unselected:
                    watched_node = Watched(key_of(edge), _repeats(edge), edge.index, tuple(repeating(edge)))
                    watched.setdefault(edge.awaited.template, {})[watched_node.key] = watched_node
            made = WatchPlan(
                watched={template: tuple(nodes.values()) for template, nodes in watched.items()},
                waiting_children={
                    key: tuple(nodes.values())
                    for key, nodes in self._waiting_below().get(node.template, {}).items()
                },
                mutually_waiting=frozenset(
                    child.template
                    for child in node.children
                    # Jobs never wait once they exist.
                    if child.repeats is not None and child.children and _waits_for_itself(child)
                ),
            )
            self._made[node.template] = made
        return made

    def _waiting_below(self) -> dict[str, dict[str, dict[str, PlanNode]]]:
        if self._waiting_children is None:
            waiting_children: dict[str, dict[str, dict[str, PlanNode]]] = {}
            for edge in self.plan.edges:
                if edge.unselected:
                    continue
                key, child = key_of(edge), edge.waiting
                while child is not edge.common:
                    parent = child.parent
                    if parent is None:
                        break
                    waiting_children.setdefault(parent.template, {}).setdefault(key, {})[child.template] = (
                        child
                    )
                    child = parent
            self._waiting_children = waiting_children
        return self._waiting_children


class Watch(Struct):
    """The outcomes so far that one running tier watches, and those that its children wait for."""

    plan: WatchPlan
    folds: dict[str, RepeatFold] = field(default_factory=dict[str, RepeatFold])
    known: list[attach_pb2.Release] = field(default_factory=list[attach_pb2.Release])
    """The outcomes that are known and that children wait for."""

    def unrepeated(self) -> Iterator[attach_pb2.Release]:
        """Yields the outcomes of nodes without any repeat, which are known from the start."""
        for nodes in self.plan.watched.values():
            for node in nodes:
                if node.repeats == 0:
                    yield attach_pb2.Release(path=node.key, outcome=common_pb2.OUTCOME_PASSED)

    def waiting_for(self, release: attach_pb2.Release) -> tuple[PlanNode, ...]:
        """Returns the children that wait for an outcome, themselves or through a descendant."""
        return self.plan.waiting_children.get(release.path, ())

    def known_for(self, child: PlanNode) -> list[attach_pb2.Release]:
        """Returns the known outcomes that a child waits for."""
        return [release for release in self.known if child in self.waiting_for(release)]

    def on_result(
        self,
        below: str,
        template: str,
        outcome: common_pb2.Outcome.ValueType,
        reason: common_pb2.Reason.ValueType,
    ) -> Sequence[attach_pb2.Release]:
        """Adds the end of a node; returns the outcomes that are known from now on.

        `below` is its path below the tier, whose indices identify the repeat.
        """
        known: list[attach_pb2.Release] = []
        for node in self.plan.watched.get(template, ()):
            if node.index is not None and not _is_meant(node, node.index, below):
                continue
            fold = self.folds.get(node.key)
            if fold is None:
                fold = self.folds[node.key] = RepeatFold(node.repeats)
            if fold.add(outcome, reason):
                known.append(attach_pb2.Release(path=node.key, outcome=fold.outcome, reason=fold.reason))
        return known


def _waits_for_itself(repeated: PlanNode) -> bool:
    """Returns whether a node inside waits, maybe indirectly, for a node inside another repeat."""
    within = set(_subtree(repeated))
    around = set(_upwards(repeated))
    asked: set[PlanNode] = set()
    seen: set[PlanNode] = set()
    ahead: list[PlanNode] = []

    def follow(node: PlanNode) -> None:
        ahead.extend(edge.awaited for edge in node.waits if not edge.unselected)

    for node in within - {repeated}:
        # A common ancestor inside the repeat means that both are in the same repeat.
        ahead.extend(e.awaited for e in node.waits if not e.unselected and e.common not in within)
    while ahead:
        awaited = ahead.pop()
        if awaited in within:
            return True
        if awaited in asked:
            continue
        asked.add(awaited)
        # Its end requires the end of all that it contains and the start of all its ancestors. Where an
        # ancestor repeats, a repeat may have to wait until earlier repeats have ended.
        needed = set(_subtree(awaited))
        for above in _upwards(awaited):
            if above not in around:
                needed.update([above] if above.repeats is None else _subtree(above))
        for node in needed - seen:
            follow(node)
        seen |= needed
    return False


def _subtree(node: PlanNode) -> Iterator[PlanNode]:
    yield node
    for child in node.children:
        yield from _subtree(child)


def _upwards(node: PlanNode) -> Iterator[PlanNode]:
    """Yields the ancestors, nearest first."""
    while node.parent is not None:
        node = node.parent
        yield node


def _is_meant(watched: Watched, index: Index, below: str) -> bool:
    """Returns whether an index includes the instance with this path; -1 includes a whole level."""
    for node, expected, label in zip(watched.nodes, index, _LABEL.findall(below), strict=True):
        if expected == -1:
            continue
        repeats = node.parse_label(label)
        first = -1 if repeats is None else repeats.start
        if first != expected if isinstance(expected, int) else first not in expected:
            return False
    return True


def _repeats(edge: Edge) -> int:
    """Returns how many instances of the awaited node count, in one instance of the common ancestor."""
    number, node = 1, edge.awaited
    levels = list(reversed(edge.index)) if edge.index is not None else None
    while node is not edge.common:
        step = levels.pop(0) if node.repeats is not None and levels is not None else -1
        if node.repeats is not None and step == -1:
            number *= len(node.indices)
        elif isinstance(step, range):
            number *= sum(index in step for index in node.indices)
        if node.parent is None:
            break
        node = node.parent
    return number
