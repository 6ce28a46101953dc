"""What a tier watches below itself: outcomes that others wait for, folded over repeats.

The rule: a repeated node counts as one, and its outcome is known when all of its repeats have ended.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from gator.core.outcomes import was_not_needed
from gator.core.tree.gate import key_of
from gator.plan import Edge, Plan, PlanNode
from gator.v1 import attach_pb2
from gator.v1 import common_pb2 as pb

_INDEX = re.compile(r"\[(\d+)\]")
_RANK = {
    pb.OUTCOME_FAILED: 5,
    pb.OUTCOME_LOST: 4,
    pb.OUTCOME_CANCELLED: 3,
    pb.OUTCOME_PRUNED: 2,
    pb.OUTCOME_PASSED: 1,
}


def _rank(outcome: pb.Outcome.ValueType, reason: pb.Reason.ValueType) -> int:
    return 0 if was_not_needed(outcome, reason) else _RANK.get(outcome, 0)


class RepeatFold(Struct):
    """Outcome of a node over all of its repeats, as others see it."""

    remaining: int
    outcome: pb.Outcome.ValueType = pb.OUTCOME_UNSPECIFIED
    reason: pb.Reason.ValueType = pb.REASON_UNSPECIFIED

    def add(self, outcome: pb.Outcome.ValueType, reason: pb.Reason.ValueType) -> bool:
        """Fold one repeat in; whether it was the last."""
        self.remaining -= 1
        if self.outcome == pb.OUTCOME_UNSPECIFIED or _rank(outcome, reason) > _rank(
            self.outcome, self.reason
        ):
            self.outcome, self.reason = outcome, reason
        return self.remaining == 0


class Watched(Struct, frozen=True):
    """One thing to look out for below a tier: all repeats of a node, or one of them."""

    key: str
    repeats: int
    index: tuple[int, ...] | None


class WatchPlan(Struct, frozen=True):
    """What the tier of one node watches, and who below it waits for what. Shared by all its repeats."""

    watched: dict[str, tuple[Watched, ...]]
    """By the template of the awaited node."""
    waiting_children: dict[str, tuple[PlanNode, ...]]
    """By key: the direct children that wait for it, themselves or somewhere inside."""
    mutually_waiting: frozenset[str]
    """Templates of children whose repeats wait for each other, so that all must exist at once. They may do so
    by way of nodes elsewhere: one inside waits for a node outside that waits for all repeats of another one
    inside."""


class WatchPlans(Struct):
    """The watch plans of a plan, made when first asked for."""

    plan: Plan
    _made: dict[str, WatchPlan] = field(default_factory=dict[str, WatchPlan])
    _commons: dict[str, tuple[PlanNode, ...]] | None = None
    _waiting_children: dict[str, dict[str, dict[str, PlanNode]]] | None = None

    def commons_of(self, template: str) -> tuple[PlanNode, ...]:
        """The nodes whose tiers watch for the node of this template."""
        if self._commons is None:
            commons: dict[str, dict[str, PlanNode]] = {}
            for edge in self.plan.edges:
                if not edge.unselected:
                    commons.setdefault(edge.awaited.template, {})[edge.common.template] = edge.common
            self._commons = {name: tuple(nodes.values()) for name, nodes in commons.items()}
        return self._commons.get(template, ())

    def of(self, node: PlanNode) -> WatchPlan:
        """The watch plan of a group or array."""
        made = self._made.get(node.template)
        if made is None:
            watched: dict[str, dict[str, Watched]] = {}
            for edge in self.plan.edges_at(node):
                if not edge.unselected:
                    one = Watched(key_of(edge), _repeats(edge), edge.index)
                    watched.setdefault(edge.awaited.template, {})[one.key] = one
            made = WatchPlan(
                watched={template: tuple(ones.values()) for template, ones in watched.items()},
                waiting_children={
                    key: tuple(nodes.values())
                    for key, nodes in self._takers_below().get(node.template, {}).items()
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

    def _takers_below(self) -> dict[str, dict[str, dict[str, PlanNode]]]:
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
    """The folds of one running tier."""

    plan: WatchPlan
    folds: dict[str, RepeatFold] = field(default_factory=dict[str, RepeatFold])

    def on_result(
        self, below: str, template: str, outcome: pb.Outcome.ValueType, reason: pb.Reason.ValueType
    ) -> Sequence[attach_pb2.Release]:
        """Fold the end of a node in and return what became known by it.

        `below` is its path without that of the tier, whose indices tell the repeat.
        """
        known: list[attach_pb2.Release] = []
        for one in self.plan.watched.get(template, ()):
            if one.index is not None and not _is_meant(one.index, below):
                continue
            fold = self.folds.get(one.key)
            if fold is None:
                fold = self.folds[one.key] = RepeatFold(one.repeats)
            if fold.add(outcome, reason):
                known.append(attach_pb2.Release(path=one.key, outcome=fold.outcome, reason=fold.reason))
        return known


def _waits_for_itself(repeated: PlanNode) -> bool:
    """Whether something inside waits, in the end, for something inside another repeat of the same node."""
    within = set(_subtree(repeated))
    around = set(_upwards(repeated))
    asked: set[PlanNode] = set()
    seen: set[PlanNode] = set()
    ahead: list[PlanNode] = []

    def follow(node: PlanNode) -> None:
        ahead.extend(edge.awaited for edge in node.waits if not edge.unselected)

    for node in within - {repeated}:
        # What is shared with the waiting one by an instance inside the same repeat is of no concern.
        ahead.extend(e.awaited for e in node.waits if not e.unselected and e.common not in within)
    while ahead:
        awaited = ahead.pop()
        if awaited in within:
            return True
        if awaited in asked:
            continue
        asked.add(awaited)
        # Its end takes the end of all that it holds, and the start of all that hold it; where one of those
        # repeats, a repeat may have to wait until those before it have ended.
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
    """The nodes above, nearest first."""
    while node.parent is not None:
        node = node.parent
        yield node


def _is_meant(index: tuple[int, ...], below: str) -> bool:
    """Whether the path of an instance is one of those that an index means; -1 means all of a level."""
    found = map(int, _INDEX.findall(below))
    return all(wanted in (-1, number) for wanted, number in zip(index, found, strict=True))


def _repeats(edge: Edge) -> int:
    """How many instances of the awaited node are meant in one instance of the common ancestor."""
    number, node = 1, edge.awaited
    levels = list(reversed(edge.index)) if edge.index is not None else None
    while node is not edge.common:
        if node.repeats is not None and (levels is None or levels.pop(0) == -1):
            number *= len(node.indices)
        if node.parent is None:
            break
        node = node.parent
    return number
