"""The answer of a live root to the question why a node has not started, from its dispatcher."""

from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.explain import Holder
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs


def explain_node(dispatch: Dispatcher, path: str) -> qs.ExplainNodeResponse | None:
    """Returns the causes of a job; None if its dispatcher does not know it, or if it runs."""
    causes = dispatch.explain(path)
    if not causes:
        return None
    return qs.ExplainNodeResponse(
        state=query_pb2.NODE_STATE_WAITING,
        is_handed_out=causes[0].is_handed_out,
        causes=[
            query_pb2.WaitingCause(reason=cause.reason, text=cause.text, holders=map(_holder, cause.holders))
            for cause in causes
        ],
    )


def _holder(holder: Holder) -> query_pb2.LeaseHolder:
    path, attempt = holder.key or ("", 0)
    return query_pb2.LeaseHolder(
        lease=holder.lease, host=holder.host, path=path, attempt=attempt, cores=holder.cores
    )
