"""What queries need to know of a run, whoever keeps it: a folder of stores or the database of a hub.

The rule: questions and answers are messages of the schema; no library of storage shows through.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from gator.core.dispatch.pools import DemandKey, Pools
from gator.core.history.failure_groups import FailedJob
from gator.core.pages import AttemptList, JobAttempt, NodeList, OpenGroup, Over, Place, never
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2, query_service_pb2


class JobCount(NamedTuple):
    """Jobs of one template path, over all repeats."""

    declared: int
    ended: int


class Reader(Protocol):
    """One run as it is now. Methods may be called from several threads, and never wait for the run."""

    def run(self) -> query_pb2.Run:
        """The run as a whole."""
        ...

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """What the plan was made from; None where it is not known."""
        ...

    def node(self, path: str) -> query_pb2.Node | None:
        """A node that was declared; None if there is no such."""
        ...

    def has_node(self, path: str) -> bool:
        """Whether something is known of a node; quicker than to ask for it."""
        ...

    def nodes(
        self,
        wanted: query_service_pb2.ListNodesRequest,
        after: Place | None,
        limit: int,
        over: Over = never,
    ) -> NodeList:
        """At most `limit` declared nodes that pass, in the order that is asked for, each with its place.

        `path` and `scope` are set; pages and tokens in `wanted` mean nothing here. There are fewer at the
        end, or when `over` says so while globs are compared.
        """
        ...

    def count_nodes(self, wanted: query_service_pb2.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        ...

    def by_paths(self, paths: Sequence[str]) -> Sequence[query_pb2.Node]:
        """Returns the nodes with these paths that were declared, in the given order."""
        ...

    def failed(self, path: str) -> Sequence[FailedJob]:
        """Returns the failed and lost jobs at and below a node."""
        ...

    def seen(self, signatures: Sequence[str]) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the other runs that had failures with these signatures; empty if no other run is known.

        Only the fields about other runs are set.
        """
        ...

    def attempts(self, path: str, *, started: bool = True) -> Sequence[query_pb2.Attempt]:
        """The attempts at a job in their order; none for a group.

        Without `started` their command lines and metrics may be left out, which is quicker.
        """
        ...

    def result(self, path: str) -> event_pb2.Result | None:
        """The Result of a node; None while it goes on."""
        ...

    def metrics(self, paths: Sequence[str]) -> Mapping[str, Sequence[event_pb2.MetricTotal]]:
        """The metrics of those of these nodes that have a Result with some."""
        ...

    def nodes_with_metrics(
        self, wanted: query_service_pb2.ListNodesRequest, names: Sequence[str], after: str, limit: int
    ) -> Sequence[tuple[str, str]]:
        """Returns sort keys and paths of nodes with metrics, in the order of the spec, after a key.

        Uses the path and scope of `wanted`; with `names`, only metrics with these names.
        """
        ...

    def open_groups(self, path: str) -> Sequence[OpenGroup]:
        """Returns the declared groups and arrays that have not ended: a node and those below it."""
        ...

    def declared_children(self, paths: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """Returns the number of declared children of these nodes, by the node and by their template path."""
        ...

    def job_attempts(
        self, wanted: query_service_pb2.ListLinesRequest, after: str, limit: int, over: Over = never
    ) -> AttemptList:
        """Returns the attempts for a request for lines, in the order of the spec, after a sort key.

        The path of the request must be set. Attempts outside its time range are omitted. Fewer than `limit`
        are returned at the end, or if `over` returns true while globs are matched.
        """
        ...

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Number of jobs that were declared and that have ended, by template path."""
        ...

    def pools(self) -> Pools | None:
        """What the run may use at once; None where it is not known."""
        ...

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """The jobs that run, with what they hold."""
        ...

    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """The last sequence number of each store, in a lasting order of the stores.

        With `kinds` up to where events of these kinds are known; without, of all kinds.
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
        """At most `limit` events of a store beyond `after` that pass, and the place that was read up to.

        `path` means one node, `prefix` a node and all below it, `severity` the least one of log events and
        blocks; what is empty or 0 lets everything pass. A place that does not move means that there is no
        more yet.
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
        """The bytes of a block as they were read. Raises StoreError for a damaged one."""
        ...
