"""Implements the port of `gator.query` for one run of the hub.

Invariant: nothing large is cached, and nothing that may change, except the number of jobs for a moment.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from gator.core.dispatch.pools import DemandKey, Pools
from gator.core.history.failure_groups import FailedJob
from gator.core.pages import AttemptList, JobAttempt, NodeList, OpenGroup, Over, Place, never
from gator.errors import NotFoundError
from gator.store.blocks import decode
from gator.store.catalogue.messages import add_events
from gator.store.catalogue.reader import CatalogueReader
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.database.database import Database
from gator_hub.queries.events import EventReader
from gator_hub.queries.failures import seen
from gator_hub.queries.run_rows import RUN_NAMES, fields_of, run_of

_RESTS = 5
"""Minimum ratio of the pause between two counts of the jobs of a run to the duration of a count."""
_MAX_REST_SECONDS = 0.1
_MAX_KEPT_BYTES = 16 * 1024
"""Maximum size in bytes of a cached description. Larger ones are read again, because there are many runs."""


class _Counted(Struct, frozen=True):
    """A cached count of jobs."""

    tally: event_pb2.Tally
    positions: Sequence[object]
    """Positions of the stores when the jobs were counted."""
    again: float
    """Monotonic time in seconds before which the jobs are not counted again."""


class HubReader:
    """A run in the hub's database. Its methods may be called from several threads."""

    def __init__(
        self, database: Database, run: int, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads the run with a row number."""
        self._database, self._run, self._monotonic = database, run, monotonic
        self._catalogue = CatalogueReader(database.query, run)
        self._events = EventReader(database, run)
        self._lock = threading.Lock()
        self._described: attach_pb2.RunDescription | None = None
        self._counted: _Counted | None = None

    # -- the run

    def run(self) -> query_pb2.Run:
        """Returns the run with its Result and tally. Raises NotFoundError if it was removed."""
        runs = self._database.models.runs
        rows = self._database.rows(
            runs.select(*fields_of(runs, RUN_NAMES)).where(runs.id == self._run, runs.deleted == 0)
        )
        if not rows:
            raise NotFoundError("the run was removed from the hub: gator hub import FOLDER brings it back")
        run = run_of(rows[0])
        described = self._description().run
        run.argv.extend(described.argv)
        run.launch_dir = described.launch_dir
        run.variables.update(described.variables)
        run.unkept_variables.extend(described.unkept_variables)
        run.unset_variables.extend(described.unset_variables)
        if run.state == query_pb2.RUN_STATE_ENDED:
            result = self._catalogue.result(run.ident)
            if result is not None:
                run.result.CopyFrom(result)
                run.tally.CopyFrom(result.jobs)
        else:
            run.tally.CopyFrom(self._tally(run.ident))
        return run

    def _tally(self, root: str) -> event_pb2.Tally:
        """Returns the number of jobs by state. Counts only after a change, because many clients may poll."""
        stores = self._database.models.stores
        positions = self._database.rows(
            stores.select(stores.id, stores.states_seq).where(stores.run == self._run).order_by(stores.id)
        )
        with self._lock:
            counted, now = self._counted, self._monotonic()
            if counted is not None and (counted.positions == positions or now < counted.again):
                return counted.tally
            node = self._catalogue.node(root)
            tally = node.tally if node is not None else event_pb2.Tally()
            ended = self._monotonic()
            rest = min(_RESTS * (ended - now), _MAX_REST_SECONDS)
            self._counted = _Counted(tally, positions, ended + rest)
            return tally

    def _description(self) -> attach_pb2.RunDescription:
        """Returns the description of the run, without the request for its plan."""
        if self._described is not None:
            return self._described
        described = self._read_description()
        described.ClearField("plan")
        if described.ByteSize() <= _MAX_KEPT_BYTES:
            self._described = described
        return described

    def _read_description(self) -> attach_pb2.RunDescription:
        descriptions = self._database.models.descriptions
        rows = self._database.rows(
            descriptions.select(descriptions.description).where(descriptions.run == self._run)
        )
        described = attach_pb2.RunDescription()
        if rows:
            described.ParseFromString(bytes(rows[0][0]))
        return described

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """Returns what the plan was made from; None if unknown."""
        described = self._read_description()
        return described.plan if described.HasField("plan") else None

    def pools(self) -> Pools | None:
        """Returns what the run may use at once; None if unknown."""
        described = self._description()
        return Pools.of(described.pools) if described.HasField("pools") else None

    # -- nodes

    def node(self, path: str) -> query_pb2.Node | None:
        """Returns a declared node; None if there is no such node."""
        return self._catalogue.node(path)

    def has_node(self, path: str) -> bool:
        """Returns whether the catalogue has a node, declared or not."""
        return self._catalogue.has_node(path)

    def nodes(
        self, wanted: qs.ListNodesRequest, after: Place | None, limit: int, over: Over = never
    ) -> NodeList:
        """Returns the declared nodes that pass, in the requested order, each with its place."""
        return self._catalogue.nodes(wanted, after, limit, over)

    def count_nodes(self, wanted: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        return self._catalogue.count_nodes(wanted)

    def by_paths(self, paths: Sequence[str]) -> Sequence[query_pb2.Node]:
        """Returns the nodes with these paths that were declared, in the given order."""
        return self._catalogue.by_paths(paths)

    def failed(self, path: str) -> Sequence[FailedJob]:
        """Returns the failed and lost jobs at and below a node."""
        return self._catalogue.failed(path)

    def seen(self, signatures: Sequence[str]) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the runs that had failures with these signatures."""
        return seen(self._database, self._run, signatures)

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Returns the numbers of declared and of ended jobs by template path."""
        return self._catalogue.job_counts()

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """Returns the running jobs with their demands."""
        return self._catalogue.demands()

    def attempts(self, path: str, *, started: bool = True) -> Sequence[query_pb2.Attempt]:
        """Returns the attempts at a job in their order; none for a group."""
        attempts = self._catalogue.attempts(path)
        if started:
            add_events(attempts, path, self.events)
        return attempts

    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        return self._catalogue.result(path)

    def metrics(self, paths: Sequence[str]) -> Mapping[str, Sequence[event_pb2.MetricTotal]]:
        """Returns the metrics of these nodes by path."""
        return self._catalogue.metrics(paths)

    def nodes_with_metrics(
        self, wanted: qs.ListNodesRequest, names: Sequence[str], after: str, limit: int
    ) -> Sequence[tuple[str, str]]:
        """Returns sort keys and paths of nodes with metrics, in the order of the spec, after a key."""
        return self._catalogue.nodes_with_metrics(wanted, names, after, limit)

    def open_groups(self, path: str) -> Sequence[OpenGroup]:
        """Returns the declared groups and arrays that have not ended: a node and those below it."""
        return self._catalogue.open_groups(path)

    def declared_children(self, paths: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """Returns the number of declared children of these nodes, by the node and by their template path."""
        return self._catalogue.declared_children(paths)

    def job_attempts(
        self, wanted: qs.ListLinesRequest, after: str, limit: int, over: Over = never
    ) -> AttemptList:
        """Returns the attempts for a request for lines, in the order of the spec, after a sort key."""
        return self._catalogue.job_attempts(wanted, after, limit, over)

    # -- events

    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """Returns the position up to which each store is complete for events of these kinds."""
        return self._events.positions(kinds)

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
        """Returns at most `limit` events of a store that pass, and the position that was read up to."""
        return self._events.events(
            store, after, limit, path=path, prefix=prefix, attempt=attempt, kinds=kinds, severity=severity
        )

    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Mapping[JobAttempt, Sequence[event_pb2.Event]]:
        """Returns the events of these kinds for the attempts with little output, each list in order."""
        return self._events.outputs(attempts, kinds)

    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """Returns the bytes of a block as they were read."""
        return decode(block)
