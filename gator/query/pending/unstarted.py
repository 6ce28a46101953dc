"""Nodes of a live run that were not declared yet, in the order of the spec.

They are only in the plan. The record has the open groups and the number of their declared children. Repeats
that have not started are represented by one node.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from gator.core.pages import OpenGroup, PageKey
from gator.plan import PlanNode, key_below
from gator.query.pending.waiting import WaitingReasons, plan_of
from gator.query.reader import Reader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


class _Rest(Struct, frozen=True):
    """The undeclared instances of a node."""

    key: str
    path: str
    node: PlanNode
    instances: int


def unstarted(
    reader: Reader, request: qs.ListNodesRequest, after: str, until: str | None
) -> list[tuple[PageKey, query_pb2.Node]]:
    """Returns the nodes with sort keys above `after` and at most `until`, in order.

    Without `until` there is no upper bound. Empty if the plan is unknown.
    """
    plan = plan_of(reader)
    if plan is None:
        return []
    groups = [group for group in reader.open_groups(request.path) if until is None or group.sort_key <= until]
    # Skip nodes whose whole subtree sorts before `after`.
    groups = [group for group in groups if after.startswith(group.sort_key) or group.sort_key > after]
    counts = reader.declared_children([group.path for group in groups])
    rests = [
        rest
        for group in groups
        for rest in _rests(plan.nodes.get(group.template), group, counts)
        if rest.key > after and (until is None or rest.key <= until) and _passes(rest, request)
    ]
    if not rests:
        return []
    reasons = WaitingReasons(reader, plan)
    rests.sort(key=lambda rest: rest.key)
    return [(["", rest.key, 0], _node(rest, reasons)) for rest in rests]


def _rests(node: PlanNode | None, group: OpenGroup, counts: Mapping[tuple[str, str], int]) -> Iterator[_Rest]:
    for child in node.children if node is not None else ():
        left = child.instances - counts.get((group.path, child.template), 0)
        if left > 0:
            yield from _below(child, group.sort_key, group.path, left)


def _below(node: PlanNode, key: str, path: str, instances: int) -> Iterator[_Rest]:
    """Yields an undeclared node and all below it; `key` and `path` are those of its parent."""
    rest = _Rest(key_below(key, node), f"{path}/{node.ident}", node, instances)
    yield rest
    for child in node.children:
        yield from _below(child, rest.key, rest.path, instances * child.instances)


def _passes(rest: _Rest, request: qs.ListNodesRequest) -> bool:
    levels = rest.path.count("/") - request.path.count("/")
    return (
        (not request.levels or levels <= request.levels)
        and (not request.kinds or rest.node.kind in request.kinds)
        and (not request.states or query_pb2.NODE_STATE_WAITING in request.states)
    )


def _node(rest: _Rest, reasons: WaitingReasons) -> query_pb2.Node:
    plan = rest.node
    node = query_pb2.Node(
        path=rest.path,
        kind=plan.kind,
        state=query_pb2.NODE_STATE_WAITING,
        children=sum(child.instances for child in plan.children),
        allow_failure=plan.allow_failure,
        tags=plan.tags,
        waiting_for=reasons.reasons(plan),
    )
    node.tally.waiting = rest.instances * plan.jobs
    if plan.kind == common_pb2.NODE_KIND_JOB:
        node.demand.CopyFrom(plan.demand)
    return node
