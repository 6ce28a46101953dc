"""Implements the port of `gator.query` for the folder of one run.

Invariant: nothing is written.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gator.core.causes.signature import is_current
from gator.core.dispatch.pools import Pools
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import FailedJob
from gator.core.pages import JobAttempt
from gator.store.reader import StoreReader
from gator.store.record import RecordReader
from gator.store.run.description import read_git, run_of
from gator.store.run.outputs import outputs_of
from gator.store.run.recovery import catch_up, complete
from gator.store.run.stores import RunStores
from gator.store.signing import Signed, signed_node
from gator.store.untrusted import damage_as_store_errors
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2


# A folder may come from another user, so every method may meet values that Gator did not write. A hub needs
# no such conversion, because it stores only what it has checked.
@damage_as_store_errors
class FolderReader(RecordReader):
    """Reads the folder of a run. Its methods may be called from several threads."""

    def __init__(self, stores: RunStores, *, live: bool, died: bool = False, copied_at: int = 0) -> None:
        """Reads the stores; missing Results of a run that `died` are computed.

        `copied_at` is the time of the last event, in nanoseconds since 1970, for a copy that lacks the
        present state of the run.
        """
        super().__init__(stores.root.query)
        self._stores, self._live, self._died, self._copied_at = stores, live, died, copied_at
        self._git: query_pb2.Git | None = None
        self._rules: CauseRules | None = None
        self._signed: dict[str, Signed] = {}
        """Signatures of this version by path, of jobs that another version signed."""

    @classmethod
    @contextmanager
    def open(
        cls, folder: Path, *, live: bool, copied: bool = False, root: StoreReader | None = None
    ) -> "Generator[FolderReader]":
        """Yields the reader of a folder; `live` says whether its root is alive.

        With `copied` the folder is a copy: it is shown as of the time of the copy, without
        computed Results. `root` is the reader of the root's store if only its owner can create one.

        Raises StoreError if there is no readable store.
        """
        with RunStores.open(folder, root) as stores:
            copied_at = catch_up(stores) if copied and not live else 0
            died = not live and not copied and bool(complete(stores))
            yield cls(stores, live=live, died=died, copied_at=copied_at)

    @property
    def source(self) -> Path:
        """The folder, for messages."""
        return self._stores.folder

    @property
    def unreadable(self) -> Mapping[Path, str]:
        """Stores that are skipped, and why."""
        return self._stores.unreadable

    # -- the run

    def run(self) -> query_pb2.Run:
        """Returns the run."""
        run = run_of(self._stores.root, self._stores.folder)
        root = self.root()
        if root is not None:
            run.ident = root.path
            run.started_unix_nanos = self.declared_at(root.path)
            run.ended_unix_nanos = root.ended_unix_nanos
            run.tally.CopyFrom(root.tally)
            run.seed = run.seed or root.seed
        # A live root asks git beside its work, so it may come late.
        self._git = self._git or read_git(self._stores.folder)
        if self._git is not None:
            run.git.CopyFrom(self._git)
        run.state = self._state(root)
        if run.state == query_pb2.RUN_STATE_UNSPECIFIED:
            run.last_seen_unix_nanos = self._copied_at
        result = self.result_of(root) if root is not None else None
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

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """Returns the request that the plan was made from; None if it is unknown."""
        description = self._stores.root.description
        return description.plan if description.HasField("plan") else None

    def pools(self) -> Pools | None:
        """Returns the resources that the run may use at once; None if they are unknown."""
        description = self._stores.root.description
        return Pools.of(description.pools) if description.HasField("pools") else None

    def _sign(self, failed: Sequence[query_pb2.Node]) -> None:
        for node in failed:
            if not is_current(node.signature):
                self._sign_again(node)

    def _sign_again(self, node: query_pb2.Node) -> None:
        signed = self._signed.get(node.path)
        if signed is None:
            signed = self._signed[node.path] = signed_node(self, node)
        node.former_signature, node.signature = node.signature, signed.signature
        if signed.first_error is not None:
            node.first_error.CopyFrom(signed.first_error)
        node.ClearField("failed_tests")
        if signed.failed_tests is not None:
            node.failed_tests.CopyFrom(signed.failed_tests)

    def rules(self) -> CauseRules:
        """Returns the rules of the run, as they were recorded."""
        if self._rules is None:
            self._rules = CauseRules(self._stores.root.description.causes)
        return self._rules

    def failed(self, path: str, rules: CauseRules | None = None) -> list[FailedJob]:
        """Returns the failed and lost jobs at and below a node, with signatures of this version."""
        failed = super().failed(path, rules)
        old = [job.path for job in failed if not is_current(job.signature)]
        signed = {node.path: node for node in self.by_paths(old)}
        return [
            job._replace(signature=node.signature, former_signature=node.former_signature)
            if (node := signed.get(job.path)) is not None
            else job
            for job in failed
        ]

    def renamed(self, name: str) -> Collection[str]:
        """Returns nothing: the jobs of a folder have their former signatures themselves."""
        del name
        return ()

    def sightings(
        self, causes: Sequence[str], rules: CauseRules | None = None
    ) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns an empty mapping: a folder has only one run."""
        del causes, rules
        return {}

    # -- events

    def positions(self, kinds: Sequence[attach_pb2.EventKind.ValueType] = ()) -> Mapping[str, int]:
        """Returns the last sequence number of each store, the root's first; the same for all `kinds`."""
        del kinds
        return {store: reader.tip() for store, reader in self._stores.readers().items()}

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
        """Implements `gator.query.Reader.events`."""
        reader = self._stores.reader(store)
        if reader is None:
            return [], after
        # All nodes of the run are below its root.
        below = prefix if "/" in prefix else ""
        event_filter = attach_pb2.EventFilter(kinds=kinds, severity=severity, prefix=below)
        return reader.read(after, event_filter, limit, path=path, attempt=attempt)

    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Mapping[JobAttempt, Sequence[event_pb2.Event]]:
        """Implements `gator.query.Reader.outputs`."""
        gathered: dict[JobAttempt, Sequence[event_pb2.Event]] = {}
        by_store: dict[str, list[JobAttempt]] = {}
        for attempt in attempts:
            by_store.setdefault(attempt.store, []).append(attempt)
        for store, some in by_store.items():
            reader = self._stores.reader(store)
            if reader is not None:
                gathered.update(outputs_of(reader.query, some, kinds))
        return gathered
