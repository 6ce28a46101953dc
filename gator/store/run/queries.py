"""What queries ask of a run's folder, as constant SQL over the catalogue and the stores.

Invariant: nothing is written.
"""

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gator.core.dispatch.pools import DemandKey, Pools
from gator.core.history.failure_groups import FailedJob
from gator.core.pages import AttemptList, JobAttempt, NodeList, OpenGroup, Over, Place, never
from gator.event_kinds import GRADED_KINDS
from gator.store.blocks import decode
from gator.store.catalogue.messages import add_events
from gator.store.catalogue.reader import CatalogueReader
from gator.store.reader import Reader
from gator.store.run.description import read_git, run_of
from gator.store.run.outputs import outputs_of
from gator.store.run.recovery import catch_up, complete
from gator.store.run.stores import RunFiles
from gator.store.untrusted import damage_as_store_error
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


class FolderReader:
    """A run's folder as queries see it. Its methods may be called from several threads."""

    def __init__(self, files: RunFiles, *, live: bool, died: bool = False, copied_at: int = 0) -> None:
        """Reads the stores; missing Results of a run that `died` are computed.

        `copied_at` is the time of the last event, in nanoseconds since 1970, for a copy that lacks the
        present state of the run.
        """
        self._files, self._live, self._died, self._copied_at = files, live, died, copied_at
        self._catalogue = CatalogueReader(files.root.query)
        self._lock = threading.RLock()
        self._git: query_pb2.Git | None = None

    @classmethod
    @contextmanager
    def open(
        cls, folder: Path, *, live: bool, copied: bool = False, root: Reader | None = None
    ) -> "Generator[FolderReader]":
        """Returns the reader of a folder; `live` says whether its root is alive.

        With `copied` the folder is a copy: it is shown as of the time of the copy, without
        computed Results. `root` is the reader of the root's store if only its owner can create one.

        Raises StoreError if there is no readable store.
        """
        files = RunFiles(folder, root)
        try:
            copied_at = catch_up(files) if copied and not live else 0
            died = not live and not copied and bool(complete(files))
            yield cls(files, live=live, died=died, copied_at=copied_at)
        finally:
            files.close()

    @property
    def source(self) -> Path:
        """The folder, for messages."""
        return self._files.folder

    @property
    def unreadable(self) -> Mapping[Path, str]:
        """Stores that are skipped, and why."""
        return self._files.unreadable

    # -- the run

    @damage_as_store_error
    def run(self) -> query_pb2.Run:
        """Returns the run as a whole."""
        run = run_of(self._files.root, self._files.folder)
        root = self._catalogue.root()
        if root is not None:
            run.ident = root.path
            run.started_unix_nanos = self._catalogue.declared_at(root.path)
            run.ended_unix_nanos = root.ended_unix_nanos
            run.tally.CopyFrom(root.tally)
            run.seed = run.seed or root.seed
        # A live root asks git beside its work, so it may come late.
        self._git = self._git or read_git(self._files.folder)
        if self._git is not None:
            run.git.CopyFrom(self._git)
        run.state = self._state(root)
        if run.state == query_pb2.RUN_STATE_UNSPECIFIED:
            run.heard_unix_nanos = self._copied_at
        result = self._catalogue.result_of(root) if root is not None else None
        if result is not None:
            run.result.CopyFrom(result)
        return run

    def _state(self, root: query_pb2.Node | None) -> query_pb2.RunState.ValueType:
        if self._live:
            return query_pb2.RUN_STATE_RUNNING
        if self._died or root is None:
            return query_pb2.RUN_STATE_DIED
        if self._copied_at and root.state != query_pb2.NODE_STATE_ENDED:
            return query_pb2.RUN_STATE_UNSPECIFIED
        return query_pb2.RUN_STATE_ENDED

    @damage_as_store_error
    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """Returns what the plan was made from; None if unknown."""
        description = self._files.root.description
        return description.plan if description.HasField("plan") else None

    # -- nodes

    @damage_as_store_error
    def node(self, path: str) -> query_pb2.Node | None:
        """Returns a declared node; None if there is no such node."""
        return self._catalogue.node(path)

    @damage_as_store_error
    def has_node(self, path: str) -> bool:
        """Returns whether the catalogue has a node, declared or not."""
        return self._catalogue.has_node(path)

    @damage_as_store_error
    def nodes(
        self, wanted: qs.ListNodesRequest, after: Place | None, limit: int, over: Over = never
    ) -> NodeList:
        """Returns the declared nodes that pass, in the requested order, each with its place."""
        return self._catalogue.nodes(wanted, after, limit, over)

    @damage_as_store_error
    def count_nodes(self, wanted: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        return self._catalogue.count_nodes(wanted)

    @damage_as_store_error
    def by_paths(self, paths: Sequence[str]) -> Sequence[query_pb2.Node]:
        """Returns the nodes with these paths that were declared, in the given order."""
        return self._catalogue.by_paths(paths)

    @damage_as_store_error
    def failed(self, path: str) -> Sequence[FailedJob]:
        """Returns the failed and lost jobs at and below a node."""
        return self._catalogue.failed(path)

    def seen(self, signatures: Sequence[str]) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns an empty mapping: a folder has only one run."""
        del signatures
        return {}

    @damage_as_store_error
    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Returns the numbers of declared and of ended jobs by template path."""
        return self._catalogue.job_counts()

    @damage_as_store_error
    def pools(self) -> Pools | None:
        """Returns what the run may use at once; None if unknown."""
        description = self._files.root.description
        return Pools.of(description.pools) if description.HasField("pools") else None

    @damage_as_store_error
    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """Returns the running jobs with their demands."""
        return self._catalogue.demands()

    @damage_as_store_error
    def attempts(self, path: str, *, started: bool = True) -> Sequence[query_pb2.Attempt]:
        """Returns the attempts at a job in their order; none for a group."""
        attempts = self._catalogue.attempts(path)
        if started:
            add_events(attempts, path, self.events)
        return attempts

    @damage_as_store_error
    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        return self._catalogue.result(path)

    @damage_as_store_error
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

    @damage_as_store_error
    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """Returns the last sequence number of each store, the root's first; the same for all `kinds`."""
        del kinds
        with self._lock:
            return {store: reader.tip() for store, reader in self._files.readers().items()}

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
        where = ["seq > ?"]
        values: list[object] = [after]
        if path or attempt:
            subjects = self._subjects(store, path, attempt)
            if not subjects:
                return [], after
            where.append(f"subject IN ({', '.join(map(str, subjects))})")
        if kinds:
            where.append(f"kind IN ({', '.join(str(int(kind)) for kind in kinds)})")
        if severity:
            graded = ", ".join(str(int(kind)) for kind in GRADED_KINDS)
            where.append(f"(kind NOT IN ({graded}) OR severity >= {int(severity)})")
        if prefix and "/" in prefix:
            where.append("subject IN (SELECT id FROM subjects WHERE path = ? OR (path > ? AND path < ?))")
            values += [prefix, prefix + "/", prefix + "0"]
        with self._lock:
            return self._files.read(store, " AND ".join(where), values, limit, after)

    def _subjects(self, store: str, path: str, attempt: int) -> list[int]:
        where: list[str] = []
        values: list[str | int] = []
        if path:
            where.append("path = ?")
            values.append(path)
        if attempt:
            where.append("attempt = ?")
            values.append(attempt)
        with self._lock:
            reader = self._files.reader(store)
        if reader is None:
            return []
        rows = reader.query(f"SELECT id FROM subjects WHERE {' AND '.join(where)}", values)  # noqa: S608
        return [row[0] for row in rows]

    @damage_as_store_error
    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Mapping[JobAttempt, Sequence[event_pb2.Event]]:
        """Returns the events of these kinds for the attempts with little output, each list in order."""
        found: dict[JobAttempt, Sequence[event_pb2.Event]] = {}
        by_store: dict[str, list[JobAttempt]] = {}
        for attempt in attempts:
            by_store.setdefault(attempt.store, []).append(attempt)
        for store, some in by_store.items():
            with self._lock:
                reader = self._files.reader(store)
            if reader is not None:
                found.update(outputs_of(reader.query, some, kinds))
        return found

    @damage_as_store_error
    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """Returns the bytes of a block as they were read."""
        return decode(block)
