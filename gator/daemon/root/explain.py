"""Answers why a node of a live run has not started, from the state of its dispatcher."""

from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.explain import Holder
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs


def explain_node(dispatch: Dispatcher, path: str) -> qs.ExplainNodeResponse | None:
    """Returns why a job has not started; None if its dispatcher does not know it, or if it runs."""
    reasons = dispatch.explain(path)
    if not reasons:
        return None
    return qs.ExplainNodeResponse(
        state=query_pb2.NODE_STATE_WAITING,
        is_handed_out=reasons[0].is_handed_out,
        details=[
            query_pb2.WaitingDetail(reason=each.reason, text=each.text, holders=map(_holder, each.holders))
            for each in reasons
        ],
    )


def _holder(holder: Holder) -> query_pb2.LeaseHolder:
    path, attempt = holder.key or ("", 0)
    return query_pb2.LeaseHolder(
        lease=holder.lease, host=holder.host, path=path, attempt=attempt, cores=holder.cores
    )
