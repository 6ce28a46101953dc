"""Decides whether a node may start, from its conditions and the outcomes of the nodes it waits for.

Invariant: only outcomes count, not where a node runs or when it ended.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from gator.core.outcomes import FAILURES, was_not_needed, was_not_selected
from gator.plan import Condition, Edge, PlanNode, step_text
from gator.v1 import common_pb2

WINDOW_JOBS = 512
"""Maximum number of repeats of one job that exist at a time below one array: more than all daemons hold."""
WINDOW_TIERS = 1024
"""Maximum number of repeats of one group that exist at a time below one array."""


class GateState(Enum):
    """Whether a child may start."""

    BLOCKED = "blocked"
    OPEN = "open"
    SHUT = "shut"


class Closing(Struct, frozen=True):
    """The Result of nodes that are closed without being started."""

    outcome: common_pb2.Outcome.ValueType
    reason: common_pb2.Reason.ValueType
    message: str


_VERB = {Condition.ON_PASS: "pass", Condition.ON_FAIL: "fail", Condition.ON_DONE: "end"}
_ENDED = {
    common_pb2.OUTCOME_PASSED: "passed",
    common_pb2.OUTCOME_FAILED: "failed",
    common_pb2.OUTCOME_PRUNED: "was pruned",
    common_pb2.OUTCOME_CANCELLED: "was cancelled",
    common_pb2.OUTCOME_LOST: "was lost",
}


def refusal(
    condition: Condition, outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType
) -> common_pb2.Reason.ValueType | None:
    """Returns why a condition can no longer be met once its node has ended; None if it is met.

    REASON_DEPENDENCY is a prune that counts for the group above, REASON_NOT_NEEDED is neutral. Whether a
    failure is allowed makes no difference here.
    """
    if condition is Condition.ON_DONE:
        return None
    neutral = was_not_needed(outcome, reason)
    if condition is Condition.ON_PASS:
        if outcome == common_pb2.OUTCOME_PASSED or was_not_selected(outcome, reason):
            return None
        return common_pb2.REASON_NOT_NEEDED if neutral else common_pb2.REASON_DEPENDENCY
    failed = outcome in FAILURES or (outcome == common_pb2.OUTCOME_PRUNED and not neutral)
    return None if failed else common_pb2.REASON_NOT_NEEDED


def key_of(edge: Edge) -> str:
    """Returns the name of the awaited node in a Release: its path without indices, or one repeat."""
    if edge.index is None:
        return edge.awaited.template
    return f"{edge.awaited.template}[{','.join(map(_step, repeating(edge), edge.index))}]"


def repeating(edge: Edge) -> list[PlanNode]:
    """Returns the nodes that the numbers of the index of an edge belong to."""
    nodes = list[PlanNode]()
    node: PlanNode | None = edge.awaited
    while node is not None and node is not edge.common:
        if node.repeats is not None:
            nodes.append(node)
        node = node.parent
    return nodes[::-1]


def _step(node: PlanNode, step: int | range) -> str:
    return step_text(node, step) or "-1"


class Gate:
    """The conditions of one child.

    A prune that counts shuts the gate immediately. A neutral one waits for the other conditions, so that the
    reason does not depend on the order in which outcomes arrive.
    """

    __slots__ = ("_neutral", "_shut", "_waits")

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._waits: dict[str, list[Condition]] = {}
        self._shut: Closing | None = None
        self._neutral: Closing | None = None
        for edge in edges:
            if not edge.unselected:
                self._waits.setdefault(key_of(edge), []).append(edge.condition)
            elif edge.condition is Condition.ON_FAIL:
                self._neutral = Closing(
                    common_pb2.OUTCOME_PRUNED,
                    common_pb2.REASON_NOT_NEEDED,
                    f"waits for {edge.awaited.template} to fail, which was not selected",
                )

    @property
    def state(self) -> GateState:
        """Whether the child may start."""
        if self._shut is not None:
            return GateState.SHUT
        if self._waits:
            return GateState.BLOCKED
        return GateState.OPEN if self._neutral is None else GateState.SHUT

    @property
    def closing(self) -> Closing:
        """How the child is closed; only while the gate is shut."""
        closing = self._shut or self._neutral
        if closing is None:
            raise AssertionError("the gate is not shut")
        return closing

    def settle(
        self, key: str, outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType
    ) -> bool:
        """Handles an outcome; returns whether the gate was waiting for it."""
        conditions = self._waits.pop(key, None)
        if conditions is None:
            return False
        for condition in conditions:
            why = refusal(condition, outcome, reason)
            if why is None:
                continue
            closing = Closing(
                common_pb2.OUTCOME_PRUNED,
                why,
                f"waits for {key} to {_VERB[condition]}, which {_ENDED[outcome]}",
            )
            if why == common_pb2.REASON_DEPENDENCY:
                self._shut = self._shut or closing
            else:
                self._neutral = self._neutral or closing
        return True
