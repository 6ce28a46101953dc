"""The conditions and orders of requests for nodes, as SQL over the catalogue."""

from collections.abc import Mapping, Sequence

from gator.node_paths import LEVEL_SEPARATOR
from gator.store.sql_condition import SqlCondition
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_NEVER = 1 << 62
_ENDED = [query_pb2.NODE_STATE_ENDED]
_GOING = [query_pb2.NODE_STATE_UNSPECIFIED, query_pb2.NODE_STATE_WAITING, query_pb2.NODE_STATE_RUNNING]
_KINDS = [common_pb2.NODE_KIND_JOB, common_pb2.NODE_KIND_GROUP, common_pb2.NODE_KIND_ARRAY]

ORDERS: Mapping[int, str] = {
    qs.NODE_ORDER_SPEC: "''",
    qs.NODE_ORDER_DECLARED: "n.declared_unix_nanos",
    qs.NODE_ORDER_STARTED: f"coalesce(n.started_unix_nanos, {_NEVER})",
    qs.NODE_ORDER_DURATION: "coalesce(-nullif(n.wall_nanos, 0),"
    " n.started_unix_nanos - coalesce(n.ended_unix_nanos, :now), 1)",
    qs.NODE_ORDER_ENDED: f"coalesce(n.ended_unix_nanos, {_NEVER})",
    qs.NODE_ORDER_MEMORY: "coalesce(-n.peak_memory_bytes, 1)",
    qs.NODE_ORDER_PROCESSOR: "coalesce(-(n.user_nanos + n.system_nanos), 1)",
}
"""SQL of the primary order of nodes; ties are broken by the sort key."""

BY_SPEC_WITHOUT_INDEX = "n.sort || ''"
"""The sort key as an expression, so that no database scans an index in this order for few matches."""

_BY_DECLARATION_WITHOUT_INDEX = "n.declared_unix_nanos + 0"
"""The order of declaration as an expression, for the same reason."""

_ENDED_BY_DURATION = "coalesce(-nullif(n.wall_nanos, 0), n.started_unix_nanos - n.ended_unix_nanos, 1)"
"""The order by duration of ended nodes as an index can have it, without the present time.

A duration is what was measured; only that of an attempt that was lost is a difference of wall times.
"""

BEFORE: Mapping[int, int] = {
    qs.NODE_ORDER_DURATION: -_NEVER,
    qs.NODE_ORDER_MEMORY: -_NEVER,
    qs.NODE_ORDER_PROCESSOR: -_NEVER,
}
"""Key before the first node in each order; where none is listed, it is 0."""


LAST_BELOW = chr(ord(LEVEL_SEPARATOR) + 1)
"""Suffix that makes a sort key greater than those of all nodes below its node."""


def span(key: str) -> tuple[str, str]:
    """Returns the range of the sort keys of a node and all below it; the upper bound is exclusive."""
    return key, key + LAST_BELOW


def order_of(request: qs.ListNodesRequest) -> int:
    """Returns the order of the nodes of a request."""
    return request.order or qs.NODE_ORDER_SPEC


def sorting_of(request: qs.ListNodesRequest) -> str:
    """Returns the SQL of the primary order of a request."""
    if order_of(request) == qs.NODE_ORDER_DECLARED:
        below = request.scope == qs.SCOPE_SUBTREE and "/" in request.path
        return (
            _BY_DECLARATION_WITHOUT_INDEX if below or is_of_few(request) else ORDERS[qs.NODE_ORDER_DECLARED]
        )
    return ORDERS[order_of(request)]


def parts_of(request: qs.ListNodesRequest) -> Sequence[tuple[str, str]]:
    """Returns the parts of a request for nodes, each with its order and its condition.

    Most requests have one part. A whole run by duration has two: the nodes that have ended, which are many,
    and those that are running, whose durations are in no index.
    """
    sorting = sorting_of(request)
    kinds = list(request.kinds)
    few = kinds and common_pb2.NODE_KIND_JOB not in kinds
    if request.order != qs.NODE_ORDER_DURATION or not _is_whole_run(request) or few or is_of_few(request):
        return [(sorting, "1 = 1")]
    going = SqlCondition().numbers("n.kind", common_pb2.NodeKind.values()).numbers("n.state", _GOING)
    return [
        (_ENDED_BY_DURATION, "n.ended_unix_nanos IS NOT NULL"),
        (sorting, f"n.ended_unix_nanos IS NULL AND {going.text}"),
    ]


def _is_whole_run(request: qs.ListNodesRequest) -> bool:
    return request.scope == qs.SCOPE_SUBTREE and "/" not in request.path


def is_of_few(request: qs.ListNodesRequest) -> bool:
    """Returns whether few nodes of a run pass, so that another index is better."""
    running = list(request.states) == [query_pb2.NODE_STATE_RUNNING]
    return running or (bool(request.outcomes) and common_pb2.OUTCOME_PASSED not in request.outcomes)


def add_scope(where: SqlCondition, request: qs.ListNodesRequest, key: str) -> SqlCondition:
    """Adds the conditions of a request, except for its globs; `key` is the sort key of its path."""
    where.add("n.declared_unix_nanos IS NOT NULL")
    match request.scope:
        case qs.SCOPE_NODE:
            where.add("n.path = ?", request.path)
        case qs.SCOPE_SUBTREE:
            if "/" in request.path:
                # From the key of the node itself to the last of those below it.
                where.add("n.sort >= ? AND n.sort < ?", *span(key))
            if request.levels:
                where.add("n.depth <= ?", request.path.count("/") + request.levels)
        case _:
            where.add("n.parent = ?", request.path)
    if request.with_errors:
        where.add("(n.error > 0 OR n.critical > 0)")
    outcomes = list(request.outcomes)
    kinds, states = list(request.kinds), list(request.states)
    if outcomes and all(outcomes):
        # Complete lists select a few places in the index by kind, state and outcome.
        kinds, states = kinds or _KINDS, states or _ENDED
    if order_of(request) == qs.NODE_ORDER_SPEC and not is_of_few(request):
        # The plus keeps SQLite from using an index that lacks the order.
        return where.numbers("+n.kind", kinds).numbers("+n.state", states).numbers("+n.outcome", outcomes)
    return where.numbers("n.kind", kinds).numbers("n.state", states).numbers("n.outcome", outcomes)
