"""Stores events of many runs in one transaction.

Invariant: an event is stored once, however often it is sent. This follows from the position of its
store, which is updated in the same transaction.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from logging import getLogger
from time import time_ns

from msgspec import Struct, field

from gator.core.causes.signature import is_current
from gator.errors import PermissionDeniedError, ProtocolError, UnavailableError
from gator.event_kinds import KIND_OF_FIELD, filter_severity
from gator.spec.metric_names import NAME_RULE
from gator.store.catalogue.changes import Changes
from gator.store.catalogue.fields import Row
from gator.v1 import attach_pb2, event_pb2
from gator_hub.database.database import Database
from gator_hub.database.statements import (
    ADD_FAILED_TESTS,
    ADD_OUTPUTS,
    UPSERT_STORES,
    CatalogueUpserts,
    EventRow,
    insert_events,
)
from gator_hub.database.tables import SEQ_BITS
from gator_hub.database.texts import MAX_QUOTED, SAME_VERSION, one_line
from gator_hub.ingest.stores import Lane, StoreEntry, StoreKey, Stores
from gator_hub.ingest.subjects import Subjects

_KINDS = {field: int(kind) for field, kind in KIND_OF_FIELD.items()}
_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)
_MAX_REFUSED = 10_000
"""Maximum number of runs whose refused metrics are counted."""
_GROWTH = 10
"""Factor by which the number of refused metrics of a run grows until it is logged again."""
COPY_REPLACED = "this copy was replaced by the run itself, which was sent with its key"

_log = getLogger("gator.hub")


class Work(Struct, eq=False):
    """Events of one store of a run. `then` is called with None after they were stored, or with an error."""

    run: int
    root: str
    """Path of the run's root."""
    lane: Lane
    batch: attach_pb2.Batch
    size_bytes: int
    then: Callable[[Exception | None], None]


class _Gathered(Struct):
    """The rows of one transaction."""

    events: list[EventRow] = field(default_factory=list[EventRow])
    changes: dict[int, Changes] = field(default_factory=dict[int, Changes])
    moved: dict[StoreKey, StoreEntry] = field(default_factory=dict[StoreKey, StoreEntry])
    outputs: Counter[int] = field(default_factory=Counter[int])
    ends: dict[int, event_pb2.Event] = field(default_factory=dict[int, event_pb2.Event])
    runs: set[int] = field(default_factory=set[int])


class _Refused(Struct):
    """Metrics of a run that are left out because of their names."""

    metrics: int = 0
    logged: int = 1
    """Number that was logged last."""


def _tests_of(nodes: Iterable[Row]) -> Iterable[tuple[str, str]]:
    """Yields path and signature of each cause of jobs in which several tests failed."""
    for row in nodes:
        if failed := row.get("failed_tests"):
            for test in event_pb2.FailedTests.FromString(bytes(failed)).list:
                if is_current(test.signature):
                    yield row["path"], test.signature


def _sign(nodes: Iterable[Row]) -> None:
    """Copies signatures of this version to `own_signature`. A background task computes the others."""
    for row in nodes:
        signature = row.get("signature")
        if signature and is_current(signature):
            row["own_signature"] = signature


class Committer:
    """Stores work in a database. Only the writing thread uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalogue = CatalogueUpserts(database.dialect)
        self._subjects = Subjects(database)
        self._stores = Stores(database)
        self._refused: dict[int, _Refused] = {}

    def forget(self) -> None:
        """Drops the entries in memory, because they may not be in the database."""
        self._subjects.forget()
        self._stores.forget()

    def commit(self, works: Sequence[Work]) -> None:
        """Stores all work in one transaction. Raises the errors of the database and those for the sender."""
        gathered = _Gathered()
        tests: list[tuple[int, str, str]] = []
        with self._database.transaction():
            self._stores.load({(work.run, work.batch.store) for work in works})
            for work in works:
                self._take(work, gathered)
            self._subjects.insert_new()
            insert_events(self._database, gathered.events)
            for run, changes in gathered.changes.items():
                _sign(changes.nodes.values())
                self._catalogue.nodes.merge(self._database, run, changes.nodes.values())
                tests.extend((run, *test) for test in _tests_of(changes.nodes.values()))
                self._catalogue.attempts.merge(self._database, run, changes.attempts.values())
                self._catalogue.metrics.merge(self._database, run, changes.metrics.values())
            ADD_FAILED_TESTS.run(self._database, tests)
            UPSERT_STORES.run(
                self._database,
                [(s.id, s.run, s.store, s.states_seq, s.bulk_seq) for s in gathered.moved.values()],
            )
            ADD_OUTPUTS.run(
                self._database, [(subject, size, 0) for subject, size in gathered.outputs.items()]
            )
            self._touch(gathered)
        for run, changes in gathered.changes.items():
            if changes.refused_metric is not None:
                self._count_refused(run, changes.refused_metrics, *changes.refused_metric)
        for run in gathered.ends:
            self._say_refused(run)
        # After the transaction, so that one that failed moves no position.
        self._stores.committed(gathered.moved)

    def _count_refused(self, run: int, metrics: int, path: str, name: str) -> None:
        """Logs the first metric of a run that is left out because of its name, and sometimes how many are.

        Roots of this version send no such names, so the administrator of the hub is informed, not the user.
        """
        refused = self._refused.get(run)
        if refused is None:
            if len(self._refused) >= _MAX_REFUSED:
                self._refused.clear()
            refused = self._refused[run] = _Refused()
            where, what = one_line(path)[:MAX_QUOTED], one_line(name)[:MAX_QUOTED]
            _log.warning("run %d: a metric of %s is left out: %s, not %r", run, where, NAME_RULE, what)
        refused.metrics += metrics
        if refused.metrics >= _GROWTH * refused.logged:
            self._say_refused(run)

    def _say_refused(self, run: int) -> None:
        """Logs how many metrics of a run are left out because of their names, unless that was logged."""
        refused = self._refused.get(run)
        if refused is not None and refused.metrics > refused.logged:
            refused.logged = refused.metrics
            _log.warning("run %d: %d metrics are left out because of their names", run, refused.metrics)

    def _take(self, work: Work, gathered: _Gathered) -> None:
        batch = work.batch
        key = work.run, batch.store
        store = gathered.moved.get(key) or self._stores.entry(key)
        position = store.position(work.lane)
        if batch.after > position:
            # The position was committed once: a database server that crashed may have lost its last commits.
            raise UnavailableError("the hub lost its copy of a store: reconnect")
        gathered.runs.add(work.run)
        if batch.through <= position:
            return
        moved = StoreEntry(store.id, store.run, store.store, store.states_seq, store.bulk_seq)
        if work.lane is Lane.STATES:
            moved.states_seq = batch.through
        else:
            moved.bulk_seq = batch.through
        gathered.moved[key] = moved
        events = batch.events if batch.after == position else [e for e in batch.events if e.seq > position]
        self._take_events(work, events, store, gathered)

    def _take_events(
        self, work: Work, events: Sequence[event_pb2.Event], store: StoreEntry, gathered: _Gathered
    ) -> None:
        """Raises ProtocolError for events that a store of this run cannot have."""
        run, rows = work.run, gathered.events
        subjects = self._subjects.of(run, work.root, events)
        base = store.id << SEQ_BITS
        last, through = store.position(work.lane), work.batch.through
        for event, subject in zip(events, subjects, strict=True):
            seq = event.seq
            if not last < seq <= through:
                raise ProtocolError(
                    f"event {seq} is out of order in a batch of {store.store}: {SAME_VERSION}"
                )
            last = seq
            # Most events are log lines, and HasField takes half as long as WhichOneof.
            name = "log" if event.HasField("log") else event.WhichOneof("payload")
            if name is None:
                # The kind is of a newer version.
                continue
            kind = _KINDS[name]
            payload = getattr(event, name)
            severity = filter_severity(kind, payload)
            if kind == _BLOCK:
                gathered.outputs[subject] += payload.size_bytes
            rows.append(
                (
                    base | seq,
                    subject,
                    kind,
                    severity,
                    event.time_unix_nanos,
                    bytearray(payload.SerializeToString()),
                )
            )
            if name == "result" and event.path == work.root:
                gathered.ends[run] = event
        if work.lane is Lane.STATES:
            gathered.changes.setdefault(run, Changes()).take(work.batch.store, events)

    def _touch(self, gathered: _Gathered) -> None:
        """Records when the runs last sent events, and which runs have ended.

        Raises PermissionDeniedError if a run was just replaced by the run itself, because rows written now
        would survive its removal.
        """
        runs = self._database.models.runs
        updated = self._database.run(
            runs.update(last_seen_unix_nanos=time_ns()).where(
                runs.deleted == 0, runs.id.in_(list(gathered.runs))
            )
        ).rowcount
        if updated < len(gathered.runs):
            raise PermissionDeniedError(COPY_REPLACED)
        for run, event in gathered.ends.items():
            ended = {"ended_unix_nanos": event.time_unix_nanos, "outcome": int(event.result.outcome)}
            self._database.run(runs.update(ended).where(runs.id == run))
