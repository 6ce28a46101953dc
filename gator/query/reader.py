"""The port through which queries read a run: implemented by a folder of stores and the database of a hub.

Invariant: arguments and results are messages of the schema; no storage library appears in them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from gator.core.dispatch.pools import DemandKey, Pools
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import FailedJob
from gator.core.pages import AttemptList, JobAttempt, NodeList, OpenGroup, Over, PageKey, never
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


class JobCount(NamedTuple):
    """Jobs of one template path, over all repeats."""

    declared: int
    ended: int


class Reader(Protocol):
    """Reads the present state of one run. Methods may be called from several threads and never wait."""

    def run(self) -> query_pb2.Run:
        """Returns the run."""
        ...

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """Returns the request that the plan was made from; None if it is unknown."""
        ...

    def node(self, path: str) -> query_pb2.Node | None:
        """Returns a declared node; None if there is none."""
        ...

    def has_node(self, path: str) -> bool:
        """Returns whether a node was declared; faster than `node`."""
        ...

    def nodes(
        self,
        request: qs.ListNodesRequest,
        after: PageKey | None,
        limit: int,
        over: Over = never,
    ) -> NodeList:
        """Returns up to `limit` declared nodes for a request in its order, each with its position.

        `path` and `scope` must be set; page size and token are ignored. Fewer are returned at the end, or
        if `over` returns true while globs are compared.
        """
        ...

    def count_nodes(self, request: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        ...

    def by_paths(self, paths: Sequence[str]) -> Sequence[query_pb2.Node]:
        """Returns the nodes with these paths that were declared, in the given order."""
        ...

    def failed(self, path: str, rules: CauseRules | None = None) -> Sequence[FailedJob]:
        """Returns the failed and lost jobs at and below a node; `rules` are used in place of the run's."""
        ...

    def renamed(self, name: str) -> Collection[str]:
        """Returns the signatures of failures of any run whose former signature begins with `name`."""
        ...

    def rules(self) -> CauseRules:
        """Returns the rules that name causes."""
        ...

    def name_more(self, more: CauseRules, nodes: Iterable[query_pb2.Node]) -> None:
        """Names the causes of failed jobs by rules of `more`, where the rules of the run do not name them."""
        ...

    def sightings(
        self, causes: Sequence[str], rules: CauseRules | None = None
    ) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the other runs that had failures with these causes; empty if no other run is known.

        `rules` are used in place of the run's. Only the fields about other runs are set.
        """
        ...

    def attempts(self, path: str, *, started: bool = True) -> Sequence[query_pb2.Attempt]:
        """Returns the attempts at a job in their order; none for a group.

        Without `started` their command lines and metrics may be omitted, which is faster.
        """
        ...

    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        ...

    def metrics(self, paths: Sequence[str]) -> Mapping[str, Sequence[event_pb2.MetricTotal]]:
        """Returns the metrics in the Results of these nodes; nodes without metrics are omitted."""
        ...

    def nodes_with_metrics(
        self,
        request: qs.ListNodesRequest,
        names: Sequence[str],
        after: str,
        limit: int,
        levels: int | None = None,
    ) -> Sequence[tuple[str, str]]:
        """Returns sort keys and paths of nodes with metrics, in the order of the spec, after a key.

        Uses the path and scope of `request`; with `names`, only metrics with these names. `levels` is the
        maximum number of levels below the path.
        """
        ...

    def metrics_below_open(
        self, path: str, names: Sequence[str], after: tuple[str, str], limit: int
    ) -> Sequence[tuple[str, str, event_pb2.MetricTotal]]:
        """Returns the metrics of ended children of nodes that run, at `path` and below it.

        Each comes with the path of the node that runs and its own, in the order of paths and names, after the
        given path and name.
        """
        ...

    def open_groups(self, path: str) -> Sequence[OpenGroup]:
        """Returns the declared groups and arrays that have not ended: a node and those below it."""
        ...

    def declared_children(self, paths: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """Returns the number of declared children of these nodes, by the node and by their template path."""
        ...

    def job_attempts(
        self, request: qs.ListLinesRequest, after: str, limit: int, over: Over = never
    ) -> AttemptList:
        """Returns the attempts for a request for lines, in the order of the spec, after a sort key.

        The path of the request must be set. Attempts outside its time range are omitted. Fewer than `limit`
        are returned at the end, or if `over` returns true while globs are matched.
        """
        ...

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Returns the numbers of declared and of ended jobs, by template path."""
        ...

    def pools(self) -> Pools | None:
        """Returns the resources that the run may use at once; None if they are unknown."""
        ...

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """Returns the running jobs with the resources that they hold."""
        ...

    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """Returns the last sequence number of each store; the order of the stores never changes.

        With `kinds`, up to it all events of these kinds are known; without, all events.
        """
        ...

    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns up to `limit` events of a store after `after` that match, and the position read up to.

        `path` selects one node, `prefix` a node and all nodes below it, `severity` the minimum severity of
        log events and blocks; empty or 0 selects all. If the position is `after`, there are no more yet.
        """
        ...

    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Mapping[JobAttempt, Sequence[event_pb2.Event]]:
        """Returns the events of these kinds for the attempts with little output, each list in order.

        An attempt missing from the result has too much output to be read at once: see `events`.
        """
        ...

    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """Returns the bytes of a block as the job wrote them. Raises StoreError if it is damaged."""
        ...


def read_to_end(
    reader: Reader,
    store: str,
    after: int,
    limit: int,
    *,
    path: str = "",
    prefix: str = "",
    attempt: int = 0,
    kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
    severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
) -> Iterator[tuple[Sequence[event_pb2.Event], int]]:
    """Yields the events of a store that match, up to its present end, in pieces of up to `limit` events.

    Each piece comes with the position read up to; it may have no events. See `Reader.events`.
    """
    while True:
        events, through = reader.events(
            store, after, limit, path=path, prefix=prefix, attempt=attempt, kinds=kinds, severity=severity
        )
        if through <= after:
            return
        yield events, through
        after = through
