"""What must come of a plan, told slowly and all at once from the tables of outcomes.

Invariant: it shares only the plan with the code that it judges, no tier and no order of events.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gator.plan import Condition, Edge, Plan, PlanNode

PASSED, FAILED, PRUNED, CANCELLED, LOST = "PASSED", "FAILED", "PRUNED", "CANCELLED", "LOST"
UNNEEDED = "UNNEEDED"
"""Pruned because its own on_fail was not needed."""

_WORST_FIRST = (FAILED, LOST, CANCELLED, PRUNED, PASSED, UNNEEDED)

# A dependency that ended so is met (True), or it is not and the waiting node is pruned so.
_TABLE: dict[Condition, dict[str, bool | str]] = {
    Condition.ON_PASS: {
        PASSED: True,
        FAILED: PRUNED,
        LOST: PRUNED,
        PRUNED: PRUNED,
        UNNEEDED: UNNEEDED,
        CANCELLED: PRUNED,
    },
    Condition.ON_FAIL: {
        PASSED: UNNEEDED,
        FAILED: True,
        LOST: True,
        PRUNED: True,
        UNNEEDED: UNNEEDED,
        CANCELLED: UNNEEDED,
    },
    Condition.ON_DONE: dict.fromkeys(_WORST_FIRST, True),
}


@dataclass(frozen=True)
class Instance:
    """One repeat of a node: `indices` has a number for each level that repeats, from the root down."""

    node: PlanNode
    path: str
    indices: tuple[tuple[int, int], ...]
    """Order of the node that repeats, and which repeat it is."""
    above: "Instance | None"

    def is_within(self, other: "Instance") -> bool:
        return self.path == other.path or self.path.startswith(other.path + "/")


class Oracle:
    """Computes the outcome of every instance of a plan."""

    def __init__(
        self,
        plan: Plan,
        attempt: Callable[[str, int], str],
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self._plan, self._attempt, self._facts = plan, attempt, facts or {}
        self._known: dict[str, str] = {}

    @cached_property
    def instances(self) -> dict[str, Instance]:
        return {one.path: one for one in self._expand(self._plan.root, None)}

    @cached_property
    def outcomes(self) -> dict[str, str]:
        return {path: self.outcome(one) for path, one in self.instances.items()}

    def awaited(self, one: Instance) -> list[tuple[Condition, list[Instance]]]:
        """What an instance itself waits for: each condition with all that is meant by it."""
        return [
            (edge.condition, list(self._meant(edge, one))) for edge in one.node.waits if not edge.unselected
        ]

    def must_precede(self, path: str) -> set[str]:
        """The paths of all that must have ended before a job starts."""
        found: set[str] = set()
        one: Instance | None = self.instances[path]
        while one is not None:
            for _, meant in self.awaited(one):
                found |= {other.path for other in meant}
            one = one.above
        return found

    def below(self, one: Instance) -> list[Instance]:
        return [other for other in self.instances.values() if other.above is one]

    def outcome(self, one: Instance) -> str:
        known = self._known.get(one.path)
        if known is None:
            known = self._known[one.path] = self._find(one)
        return known

    def closing(self, one: Instance) -> str | None:
        """How the gate of an instance, or one above it, closes it; None if it may start."""
        if one.above is not None and (closed := self.closing(one.above)) is not None:
            return closed
        refusals: set[str] = set()
        for edge in one.node.waits:
            if edge.unselected:
                if edge.condition is Condition.ON_FAIL:
                    refusals.add(UNNEEDED)
                continue
            found = [self.outcome(other) for other in self._meant(edge, one)]
            verdict = _TABLE[edge.condition][_worst(found)]
            if isinstance(verdict, str):
                refusals.add(verdict)
        return PRUNED if PRUNED in refusals else UNNEEDED if refusals else None

    def attempts(self, path: str) -> list[str]:
        """How the attempts of a job end, if it starts."""
        retries = self.instances[path].node.settings.retries
        left = {LOST: retries.lost if retries.HasField("lost") else 1, FAILED: retries.count}
        ends = [self._attempt(path, 1)]
        while left.get(ends[-1], 0) > 0:
            left[ends[-1]] -= 1
            ends.append(self._attempt(path, len(ends) + 1))
        return ends

    def _find(self, one: Instance) -> str:
        if one.path in self._facts:
            return self._facts[one.path]
        closed = self.closing(one)
        if closed is not None and not self._facts:
            return closed
        if one.node.job is not None:
            return closed or self.attempts(one.path)[-1]
        inner = self.below(one)
        if closed is not None and not any(self.outcome(other) == CANCELLED for other in inner):
            return closed
        return self._fold(inner)

    def _fold(self, inner: list[Instance]) -> str:
        counted: set[str] = set()
        for other in inner:
            outcome = self.outcome(other)
            if outcome in (FAILED, LOST) and other.node.allow_failure:
                continue
            counted.add(outcome)
        return next((o for o in (FAILED, LOST, CANCELLED, PRUNED) if o in counted), PASSED)

    def _expand(self, node: PlanNode, above: Instance | None) -> Iterator[Instance]:
        for index in [None] if node.repeats is None else node.indices:
            name = node.ident if index is None else f"{node.ident}[{index}]"
            path = name if above is None else f"{above.path}/{name}"
            indices = () if above is None else above.indices
            if index is not None:
                indices = (*indices, (node.order, index))
            one = Instance(node, path, indices, above)
            yield one
            for child in node.children:
                yield from self._expand(child, one)

    def _meant(self, edge: Edge, waiting: Instance) -> Iterator[Instance]:
        common = waiting
        while common.node is not edge.common:
            assert common.above is not None
            common = common.above
        for one in self.instances.values():
            if one.node is edge.awaited and one.is_within(common):
                own = one.indices[len(common.indices) :]
                if edge.index is None or all(
                    wanted in (-1, index) for wanted, (_, index) in zip(edge.index, own, strict=True)
                ):
                    yield one


def _worst(outcomes: list[str]) -> str:
    """What others see of a node over all its repeats; nothing at all has passed."""
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), PASSED)
