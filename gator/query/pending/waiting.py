"""Finds the nodes that cannot start yet, and what they wait for.

A job is declared when it is handed out, so waiting jobs are only in the plan: its nodes are compared with the
numbers of declared and ended jobs. Repeats count together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from gator.core.dispatch.explain import reason_of
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey
from gator.core.tree.gate import WINDOW_TIERS, key_of
from gator.errors import NotFoundError
from gator.node_paths import is_below, parent_of, template_of
from gator.plan import Condition, Edge, Plan, PlanNode, recorded_plan
from gator.query.reader import JobCount, Reader
from gator.v1 import query_pb2

MAX_HOLDERS = 5
MAX_INSTANCES = 1000
"""Maximum number of repeats that are looked up one by one."""
_CONDITIONS: Final = {
    Condition.ON_PASS: query_pb2.CONDITION_PASS,
    Condition.ON_FAIL: query_pb2.CONDITION_FAIL,
    Condition.ON_DONE: query_pb2.CONDITION_DONE,
}


def waiting(reader: Reader, path: str = "") -> list[query_pb2.Waiting]:
    """Returns the waiting nodes of a live run below `path`; none if its plan is unknown."""
    plan = plan_of(reader)
    if plan is None:
        return []
    reasons = WaitingReasons(reader, plan)
    template = template_of(path)
    entries: list[query_pb2.Waiting] = []
    for node in plan.nodes.values():
        if not is_below(node.template, template):
            continue
        jobs = _total(node) - reasons.counts[node.template].declared
        if jobs <= 0:
            continue
        awaited = reasons.awaited(node)
        if awaited or (node.job is not None and not reasons.is_held(node)):
            entry = query_pb2.Waiting(path=node.template, jobs=jobs, awaited=awaited)
            if awaited:
                entry.reasons.append(query_pb2.WAITING_REASON_DEPENDENCY)
            else:
                reasons.demands.explain(DemandKey.of(node.demand), entry)
                if not entry.lacking and (text := reasons.full_group(node)):
                    entry.lacking.append(text)
            entries.append(entry)
    return entries


def plan_of(reader: Reader) -> Plan | None:
    """Returns the plan of a live run; None if it is unknown or the run is not live."""
    request = reader.plan_request()
    if request is None or reader.run().state != query_pb2.RUN_STATE_RUNNING:
        return None
    return recorded_plan(request)


class WaitingReasons:
    """Finds out why nodes of a live run have not started."""

    def __init__(self, reader: Reader, plan: Plan) -> None:
        self._reader = reader
        self.counts = _fold(plan, reader.job_counts())
        self.demands = RunningDemands(reader)

    def awaited(self, node: PlanNode) -> list[query_pb2.Awaited]:
        """Returns the unfinished nodes that a node waits for."""
        return [
            _awaited(edge, self.counts, self._reader)
            for edge in node.waits
            if _is_open(edge, self.counts, self._reader)
        ]

    def full_group(self, node: PlanNode) -> str:
        """Returns the text for a node in repeats of a group that wait for others to end; empty for none."""
        group = node.parent
        while group is not None:
            if len(group.indices) > WINDOW_TIERS and self._is_full(group):
                return f"a repeat of {group.template} to end ({WINDOW_TIERS:,} have started, the maximum)"
            group = group.parent
        return ""

    def _is_full(self, group: PlanNode) -> bool:
        """Returns whether a group has the maximum number of repeats below an array, and needs more."""
        open_groups = self._reader.open_groups(group.template.partition("/")[0])
        repeats = Counter(parent_of(each.path) for each in open_groups if each.template == group.template)
        full = [parent for parent, count in repeats.items() if count >= WINDOW_TIERS]
        started = self._reader.declared_children(full)
        return any(started.get((parent, group.template), 0) < len(group.indices) for parent in full)

    def is_held(self, node: PlanNode) -> bool:
        """Returns whether a node above waits, which is then the only reason."""
        return _is_held(node, self.counts, self._reader)

    def reasons(self, node: PlanNode) -> list[query_pb2.WaitingReason.ValueType]:
        """Returns why a node has not started; empty if it is merely queued."""
        if self.is_held(node) or any(_is_open(edge, self.counts, self._reader) for edge in node.waits):
            return [query_pb2.WAITING_REASON_DEPENDENCY]
        return self.demands.reasons(DemandKey.of(node.demand)) if node.job is not None else []


def planned_jobs(reader: Reader, path: str) -> int:
    """Returns the number of jobs of a node without any record.

    Raises NotFoundError when the plan has no such node.
    """
    request = reader.plan_request()
    node = recorded_plan(request).nodes.get(template_of(path)) if request is not None else None
    if node is None:
        raise NotFoundError(f"there is no node {path}: see gator plan SPEC")
    return node.jobs if path.endswith("]") else node.jobs * node.instances


class RunningDemands:
    """The resources that the jobs of a live run hold, computed from its record."""

    def __init__(self, reader: Reader) -> None:
        self._demands = list(reader.demands())
        pools = reader.pools()
        self._ledger = Ledger(pools) if pools is not None else None
        if self._ledger is not None:
            for _, demand in self._demands:
                self._ledger.take(demand)

    def explain(self, demand: DemandKey, entry: query_pb2.Waiting) -> None:
        """Adds the resources that a job lacks, and the jobs that hold the licenses among them."""
        if self._ledger is None:
            return
        need = self._ledger.need(demand)
        lacking = self._ledger.lacking(need)
        entry.reasons.extend(self.reasons(demand))
        entry.lacking.extend(self._ledger.shortage(need))
        names = {name for name, _ in demand.licenses if self._ledger.pool_of(name) in lacking}
        holders = (path for path, held in self._demands if names & {name for name, _ in held.licenses})
        entry.holders.extend(islice(holders, MAX_HOLDERS))

    def details(self, demand: DemandKey) -> list[query_pb2.WaitingDetail]:
        """Returns one reason for each pool that a job lacks."""
        if self._ledger is None:
            return []
        need = self._ledger.need(demand)
        return [
            query_pb2.WaitingDetail(reason=reason_of(pool), text=text)
            for pool, text in zip(self._ledger.lacking(need), self._ledger.shortage(need), strict=True)
        ]

    def reasons(self, demand: DemandKey) -> list[query_pb2.WaitingReason.ValueType]:
        """Returns the kinds of resources that a job waits for."""
        if self._ledger is None:
            return []
        lacking = self._ledger.lacking(self._ledger.need(demand))
        return sorted({reason_of(pool) for pool in lacking})


def _fold(plan: Plan, counts: Mapping[str, tuple[int, int]]) -> dict[str, JobCount]:
    """Returns the numbers of jobs, summed up for all nodes above them."""
    folded = {template: JobCount(0, 0) for template in plan.nodes}
    for template, (declared, ended) in counts.items():
        node = plan.nodes.get(template)
        while node is not None:
            before = folded[node.template]
            folded[node.template] = JobCount(before.declared + declared, before.ended + ended)
            node = node.parent
    return folded


def _total(node: PlanNode) -> int:
    """Returns the number of jobs in all instances of a node."""
    jobs = node.jobs
    above: PlanNode | None = node
    while above is not None:
        jobs *= above.instances
        above = above.parent
    return jobs


def _is_open(edge: Edge, counts: Mapping[str, JobCount], reader: Reader) -> bool:
    """Returns whether the awaited node has not ended."""
    if edge.unselected:
        return False
    instances = _instances(edge)
    if instances:
        return _left(instances, reader) > 0
    return _total(edge.awaited) > counts[edge.awaited.template].ended


def _left(instances: Sequence[str], reader: Reader) -> int:
    """Returns how many of these instances have not ended."""
    nodes = map(reader.node, instances)
    return sum(node is None or node.state != query_pb2.NODE_STATE_ENDED for node in nodes)


def _instances(edge: Edge) -> list[str]:
    """Returns the paths of the awaited repeats of an edge with an index; none if there may be many."""
    index = list(edge.index or ())
    if not index or -1 in index:
        return []
    tails = [""]
    node: PlanNode | None = edge.awaited
    while node is not None:
        names = [node.ident]
        if node.repeats is not None:
            if not index:
                return []
            step = index.pop()
            steps = step if isinstance(step, range) else [step]
            names = [f"{node.ident}[{node.label(number)}]" for number in steps[:MAX_INSTANCES]]
        tails = [f"/{name}{tail}" for name in names for tail in tails]
        if len(tails) >= MAX_INSTANCES:
            return []
        node = node.parent
    return [tail[1:] for tail in tails]


def _is_held(node: PlanNode, counts: Mapping[str, JobCount], reader: Reader) -> bool:
    """Returns whether a node above waits, so that this node is not the reason."""
    above = node.parent
    while above is not None:
        if any(_is_open(edge, counts, reader) for edge in above.waits):
            return True
        above = above.parent
    return False


def _awaited(edge: Edge, counts: Mapping[str, JobCount], reader: Reader) -> query_pb2.Awaited:
    path = edge.awaited.template
    instances = _instances(edge)
    if instances:
        path = instances[0] if len(instances) == 1 else key_of(edge)
        left = edge.awaited.jobs * _left(instances, reader)
    else:
        left = _total(edge.awaited) - counts[path].ended
    return query_pb2.Awaited(path=path, condition=_CONDITIONS[edge.condition], jobs=max(left, 0))
