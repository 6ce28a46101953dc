"""Explains why one node of a live run has not started, from the record alone.

A live root adds what only its dispatcher knows: which attempt goes first, and which leases hold what the
job lacks.
"""

from collections.abc import Iterator

from gator.core.dispatch.pools import DemandKey
from gator.core.outcomes import FAILURES
from gator.core.tree.retries import delay_millis
from gator.errors import NotFoundError
from gator.node_paths import template_of
from gator.plan import PlanNode
from gator.query.pending.waiting import WaitingReasons, plan_of
from gator.query.reader import Reader
from gator.units import plural, span
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_ENDS = {
    query_pb2.CONDITION_PASS: "pass",
    query_pb2.CONDITION_FAIL: "fail",
    query_pb2.CONDITION_DONE: "end",
}


def explain_node(reader: Reader, path: str) -> qs.ExplainNodeResponse:
    """Returns the reasons why a node has not started.

    Raises NotFoundError if neither the record nor the plan has it.
    """
    node = reader.node(path)
    plan = plan_of(reader)
    planned = plan.nodes.get(template_of(path)) if plan is not None else None
    if node is None and planned is None:
        raise NotFoundError(f"there is no node {path}: see gator plan SPEC")
    response = qs.ExplainNodeResponse(state=node.state if node is not None else query_pb2.NODE_STATE_WAITING)
    if planned is not None and node is not None and (retry := _retry(reader, path, planned)) is not None:
        response.state = query_pb2.NODE_STATE_WAITING
        response.details.append(retry)
        return response
    if plan is None or planned is None or node is not None:
        # A job in the record has been handed out.
        response.is_handed_out = response.state == query_pb2.NODE_STATE_WAITING
        return response
    reasons = WaitingReasons(reader, plan)
    response.details.extend(_dependencies(planned, reasons))
    if not response.details and planned.job is not None:
        response.details.extend(reasons.demands.details(DemandKey.of(planned.resolved_at(path).demand)))
    if not response.details and (text := reasons.full_group(planned)):
        response.details.add(text=f"for {text}")
    return response


def _retry(reader: Reader, path: str, node: PlanNode) -> query_pb2.WaitingDetail | None:
    """Returns the cause of a job that waits after a failed attempt; None if it does not."""
    retries = node.resolved_at(path).settings.retries
    attempts = reader.attempts(path, started=False) if retries.delay_millis else ()
    recorded = reader.node(path)
    if not attempts or recorded is None or recorded.state == query_pb2.NODE_STATE_ENDED:
        return None
    last = attempts[-1]
    failures = sum(each.finished.outcome in FAILURES for each in attempts)
    if not last.HasField("finished") or last.finished.outcome not in FAILURES:
        return None
    delay = span(delay_millis(retries, max(1, failures)) * 1_000_000)
    text = f"for {delay} after attempt {last.number}, which failed: {last.finished.message}"
    return query_pb2.WaitingDetail(reason=query_pb2.WAITING_REASON_RETRY, text=text)


def _dependencies(node: PlanNode, reasons: WaitingReasons) -> Iterator[query_pb2.WaitingDetail]:
    """Yields what the node and the groups above it wait for."""
    above: PlanNode | None = node
    while above is not None:
        above_text = "" if above is node else f"{above.template} waits "
        for awaited in reasons.awaited(above):
            end = _ENDS.get(awaited.condition, "end")
            yield query_pb2.WaitingDetail(
                reason=query_pb2.WAITING_REASON_DEPENDENCY,
                text=f"{above_text}for {awaited.path} to {end} ({plural(awaited.jobs, 'job')} left)",
            )
        above = above.parent
