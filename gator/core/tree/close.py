"""Closes nodes that will not start, with everything below them.

Invariant: what was recorded of a node before is kept; only what is missing is written.
"""

from collections.abc import Iterator
from typing import Protocol

from gator.core.moment import Moment
from gator.core.tree.gate import Closing
from gator.core.tree.outcomes.group_result import GroupFold
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.outcomes.results import complete, result_of_attempts
from gator.plan import PlanNode
from gator.v1 import attach_pb2, common_pb2, event_pb2


class Registry(Protocol):
    """Declares and closes nodes."""

    @property
    def past(self) -> Past | None:
        """The record of nodes from before this tree began; None if there is none."""
        ...

    def now(self) -> Moment:
        """Returns the time of the input being handled."""
        ...

    def began(self, path: str) -> Moment:
        """Returns when a node began: now, unless another daemon ran it before."""
        ...

    def declare(self, node: PlanNode, path: str) -> None:
        """Records that a node exists, unless that was recorded before."""
        ...

    def conclude(self, node: PlanNode, path: str, result: event_pb2.Result) -> None:
        """Records a node's Result and announces it."""
        ...

    def recall(self, path: str) -> event_pb2.Result | None:
        """Returns the Result that a node had before; from now on it counts, with those below it."""
        ...


def cancelled(request: attach_pb2.Stop) -> Closing:
    """Returns how a stop request closes nodes that never started."""
    # Failing to start daemons is an infrastructure fault, so the node is LOST and not CANCELLED.
    lost = request.reason in (common_pb2.REASON_DAEMON_START, common_pb2.REASON_LOST)
    return Closing(
        common_pb2.OUTCOME_LOST if lost else common_pb2.OUTCOME_CANCELLED,
        request.reason or common_pb2.REASON_CANCELLED,
        request.message or "not started, because the run was stopped",
    )


def left_out(node: PlanNode, path: str) -> Closing | None:
    """Returns how an instance is closed that its `when` leaves out; None if it is selected."""
    if node.condition is None or node.condition.selects(path):
        return None
    message = f"not selected: `when: {node.condition.text}` is false here"
    return Closing(common_pb2.OUTCOME_PRUNED, common_pb2.REASON_NOT_SELECTED, message)


def close_unstarted(
    record: Registry, node: PlanNode, path: str, closing: Closing, results: list[event_pb2.Result]
) -> Iterator[None]:
    """Declares and closes a node that will not start, and all below it, one job per step.

    Appends the node's own Result to `results`.
    """
    known = record.recall(path)
    if known is not None:
        results.append(known)
        return
    closing = left_out(node, path) or closing
    record.declare(node, path)
    if node.kind == common_pb2.NODE_KIND_JOB:
        result = _of_job(record, node, path, closing)
        yield
    else:
        fold = GroupFold()
        for each in node.children:
            numbers = [None] if each.repeats is None else each.indices
            for index in numbers:
                inner: list[event_pb2.Result] = []
                below = each.path_below(path, index)
                yield from close_unstarted(record, each, below, closing, inner)
                fold.add(below, inner[0])
        result = _of_group(record, node, path, closing, fold)
    complete(
        result, node.kind, path, allow_failure=node.resolved_at(path).allow_failure, now=record.now().wall
    )
    record.conclude(node, path, result)
    results.append(result)


def _of_job(record: Registry, node: PlanNode, path: str, closing: Closing) -> event_pb2.Result:
    attempts = record.past.attempts(path) if record.past is not None else ()
    if attempts:
        *before, (number, end) = attempts
        failed = [each for _, each in before if each.outcome == common_pb2.OUTCOME_FAILED]
        return result_of_attempts(
            end, number, failed[-1] if failed else None, node.resolved_at(path).settings
        )
    return event_pb2.Result(outcome=closing.outcome, reason=closing.reason, message=closing.message)


def _of_group(
    record: Registry, node: PlanNode, path: str, closing: Closing, fold: GroupFold
) -> event_pb2.Result:
    if record.past is not None and path in record.past.declared:
        # It had started, so its outcome follows from those of its children.
        wall = record.now().steady - record.began(path).steady
        return fold.finish(wall_nanos=wall, allow_failure=node.resolved_at(path).allow_failure)
    result = event_pb2.Result(outcome=closing.outcome, reason=closing.reason, message=closing.message)
    result.jobs.CopyFrom(fold.jobs())
    fold.set_first(result)
    return result
