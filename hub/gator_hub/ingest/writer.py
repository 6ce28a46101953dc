"""The one thread that writes: it gathers what has come, and commits it together.

Rule: an event is kept once, whoever sends it how often. The position of its store decides, and moves in
the same transaction.
"""

import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import IntEnum
from logging import getLogger
from time import monotonic, time_ns
from typing import Any, TypeVar

from msgspec import Struct, field

from gator.core.attempt.metrics import NAME_RULE
from gator.errors import (
    GatorError,
    PermissionDeniedError,
    ProtocolError,
    StoreError,
    UnavailableError,
    UserError,
)
from gator.event_kinds import GRADED_KINDS, KIND_OF_FIELD
from gator.store.catalogue.changes import Changes
from gator.v1 import attach_pb2, event_pb2
from gator_hub.database.database import DAMAGED, DamagedError, Database, cause_of, is_damaged, is_passing
from gator_hub.database.schema import SEQ_BITS
from gator_hub.database.statements import OUTPUTS, STORES, Catalogue, EventRow, insert_events
from gator_hub.database.texts import SAME_VERSION, marks, one_line
from gator_hub.ingest.subjects import Subjects

Answer = TypeVar("Answer")

MAX_BYTES = 4 * 1024 * 1024
"""A transaction takes no more work once it has so many bytes."""
PACE_SECONDS = 0.025
"""Transactions follow each other no sooner, unless there is much to write."""
GATHER_SECONDS = 0.004
"""So long the first one after a rest waits for what comes with it: a root sends a batch for each store."""
_MUCH_BYTES = 128 * 1024
_RETRY_SECONDS = 1.0
_KINDS = {field: int(kind) for field, kind in KIND_OF_FIELD.items()}
_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)
# A value that does not fit into its column, or a limit of the server.
_UNFIT = ("22", "54")
_MAX_SAID = 200
_MAX_TOLD = 10_000
"""Maximum number of runs remembered as having a logged warning."""
COPY_REPLACED = "this copy was replaced by the run itself, which was sent with its key"

_log = getLogger("gator.hub")


StoreKey = tuple[int, str]
"""Number of a run and id of a store: the sender chooses the ids, so they are unique only within a run."""


class Lane(IntEnum):
    """The ways on which events of a store come, so that many lines delay no state; each has a position."""

    STATES = 1
    BULK = 2


class StoreEntry(Struct):
    """A store that is known, with how far it was taken on each lane."""

    id: int
    run: int
    store: str
    states_seq: int = 0
    bulk_seq: int = 0

    def position(self, lane: Lane) -> int:
        """How far it was taken."""
        return self.states_seq if lane is Lane.STATES else self.bulk_seq


class Work(Struct, eq=False):
    """Events of one store of a run, to be kept. `then` gets None once they are, or what was wrong."""

    run: int
    root: str
    """Path of the run's root."""
    lane: Lane
    batch: attach_pb2.Batch
    size_bytes: int
    then: Callable[[Exception | None], None]


class Call(Struct, eq=False):
    """Something else to be done in a transaction of its own."""

    call: Callable[[Database], Any]
    future: "Future[Any]"


class _Gathered(Struct):
    """What goes into one transaction, made ready."""

    events: list[EventRow] = field(default_factory=list[EventRow])
    changes: dict[int, Changes] = field(default_factory=dict[int, Changes])
    moved: dict[StoreKey, StoreEntry] = field(default_factory=dict[StoreKey, StoreEntry])
    outputs: Counter[int] = field(default_factory=Counter[int])
    ends: dict[int, event_pb2.Event] = field(default_factory=dict[int, event_pb2.Event])
    runs: set[int] = field(default_factory=set[int])


class Writer:
    """Writes to a database. `post` runs a call where `then`s are to be called."""

    def __init__(self, database: Database, post: Callable[[Callable[[], None]], object]) -> None:
        self.backlog_bytes = 0
        """Bytes of work that was put and is not committed. `put` and what is posted run on one thread."""
        self._database, self._post = database, post
        self._catalogue = Catalogue(database.dialect)
        self._subjects = Subjects(database)
        self._stores: dict[StoreKey, StoreEntry] = {}
        self._next_store = 0
        self._queue: deque[Work | Call] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._told_trouble = False
        self._told_names: set[int] = set()
        self._next = 0.0
        self._thread = threading.Thread(target=self._run, name="hub writer", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Hand over events; never waits."""
        self.backlog_bytes += work.size_bytes
        self._queue.append(work)
        self._wake.set()

    def run(self, call: Callable[[Database], Answer]) -> "Future[Answer]":
        """Do something in a transaction of its own, after what was put before; its answer, or what it raised.

        It may be done several times, if the database goes away meanwhile.
        """
        future: Future[Answer] = Future()
        self._queue.append(Call(call, future))
        self._wake.set()
        return future

    def close(self) -> None:
        """Write what was put, and end. What a database that is away does not take is given up."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    # -- on the thread

    def _run(self) -> None:
        try:
            while not self._closing.is_set() or self._queue:
                self._wake.wait()
                self._wake.clear()
                while self._queue:
                    first = self._queue[0]
                    if isinstance(first, Call):
                        self._queue.popleft()
                        self._do(first)
                    else:
                        self._pace()
                        self._keep(self._gather())
                        self._next = monotonic() + PACE_SECONDS
        finally:
            self._database.forget()

    def _pace(self) -> None:
        """Let more gather, after a rest only for a moment."""
        rest = max(self._next - monotonic(), GATHER_SECONDS)
        if rest > 0 and self.backlog_bytes < _MUCH_BYTES:
            self._closing.wait(rest)

    def _gather(self) -> list[Work]:
        works: list[Work] = []
        size = 0
        while self._queue and size < MAX_BYTES:
            work = self._queue[0]
            if isinstance(work, Call):
                break
            self._queue.popleft()
            works.append(work)
            size += work.size_bytes
        return works

    def _do(self, call: Call) -> None:
        """Do a call, again and again while the database is away."""
        if not call.future.set_running_or_notify_cancel():
            return
        while True:
            try:
                with self._database.transaction():
                    answer = call.call(self._database)
            except Exception as error:  # whatever it is, who waits for the answer has to get it
                if self._is_worth_waiting(error):
                    continue
                self.forget()
                call.future.set_exception(_error_for_sender(error))
            else:
                self._told_trouble = False
                call.future.set_result(answer)
            return

    def _keep(self, works: Sequence[Work]) -> None:
        """Commits works together, or each in a transaction of its own where one of them is refused."""
        while True:
            try:
                self._commit(works)
            except Exception as error:  # every error is reported to the sender
                self.forget()
                if self._is_worth_waiting(error):
                    continue
                if len(works) == 1:
                    self._tell(works, _error_for_sender(error))
                    return
                break
            self._told_trouble = False
            self._tell(works, None)
            return
        # Outside of the handler, so that the errors of these have no other error as their context.
        for work in works:
            self._keep([work])

    def _tell(self, works: Sequence[Work], error: Exception | None) -> None:
        def tell() -> None:
            for work in works:
                self.backlog_bytes -= work.size_bytes
                work.then(error)

        self._post(tell)

    def _is_worth_waiting(self, error: Exception) -> bool:
        """Whether the same will go well later; then some time has passed."""
        if not is_passing(error):
            return False
        if not self._told_trouble:
            self._told_trouble = True
            _log.warning("the database takes nothing, retrying: %s", one_line(error))
        return not self._closing.wait(_RETRY_SECONDS)

    def forget(self) -> None:
        """What is in memory may not be what is in the database; only to be called from within `run`."""
        self._subjects.forget()
        self._stores.clear()
        self._next_store = 0

    def _commit(self, works: Sequence[Work]) -> None:
        gathered = _Gathered()
        with self._database.transaction():
            self._load_stores({(work.run, work.batch.store) for work in works})
            for work in works:
                self._take(work, gathered)
            self._subjects.insert_new()
            insert_events(self._database, gathered.events)
            for run, changes in gathered.changes.items():
                self._catalogue.nodes.run(self._database, run, list(changes.nodes.values()))
                self._catalogue.attempts.run(self._database, run, list(changes.attempts.values()))
                self._catalogue.metrics.run(self._database, run, list(changes.metrics.values()))
            STORES.run(
                self._database,
                [(s.id, s.run, s.store, s.states_seq, s.bulk_seq) for s in gathered.moved.values()],
            )
            OUTPUTS.run(self._database, [(subject, size, 0) for subject, size in gathered.outputs.items()])
            self._touch(gathered)
        for run, changes in gathered.changes.items():
            if changes.refused_metric is not None:
                self._say_refused(run, *changes.refused_metric)
        # Only now, so that a transaction that failed has moved nothing.
        self._stores.update(gathered.moved)
        if len(self._stores) > 10_000:
            self._stores.clear()

    def _say_refused(self, run: int, path: str, name: str) -> None:
        """Log that metrics of a run are left out for their names, once for each run.

        The roots of this version send no such names, so that the keeper of the hub has to know, not the user.
        """
        if run in self._told_names:
            return
        if len(self._told_names) >= _MAX_TOLD:
            self._told_names.clear()
        self._told_names.add(run)
        where, what = one_line(path)[:_MAX_SAID], one_line(name)[:_MAX_SAID]
        _log.warning("run %d: a metric of %s is left out: %s, not %r", run, where, NAME_RULE, what)

    def _take(self, work: Work, gathered: _Gathered) -> None:
        batch = work.batch
        key = work.run, batch.store
        store = gathered.moved.get(key) or self._store(key)
        position = store.position(work.lane)
        if batch.after > position:
            # That place was kept once: a server that crashed may have lost its last commits.
            raise UnavailableError("the database has lost what it had of a store: dial again")
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
            # Most are of the log, and to ask for it by name takes half as long as to ask for the name.
            name = "log" if event.HasField("log") else event.WhichOneof("payload")
            if name is None:
                # A kind that this version does not know.
                continue
            kind = _KINDS[name]
            payload = getattr(event, name)
            severity = payload.severity if kind in GRADED_KINDS else 0
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
        """Records when the runs were heard of and which have ended.

        Raises PermissionDeniedError if one was just replaced by the run itself, so that no rows of it are
        written that would survive its removal.
        """
        heard = self._database.execute(
            "UPDATE runs SET heard_unix_nanos = ? WHERE deleted = 0"  # noqa: S608 - marks alone
            f" AND id IN ({marks(len(gathered.runs))})",
            (time_ns(), *gathered.runs),
        ).rowcount
        if heard < len(gathered.runs):
            raise PermissionDeniedError(COPY_REPLACED)
        for run, event in gathered.ends.items():
            self._database.execute(
                "UPDATE runs SET ended_unix_nanos = ?, outcome = ? WHERE id = ?",
                (event.time_unix_nanos, int(event.result.outcome), run),
            )

    # -- stores

    def _load_stores(self, keys: set[StoreKey]) -> None:
        unknown = sorted(key for key in keys if key not in self._stores)
        if not unknown:
            return
        sql = (
            "SELECT id, run, store, states_seq, bulk_seq FROM stores"  # noqa: S608 - marks alone
            f" WHERE run IN ({marks(len(unknown))}) AND store IN ({marks(len(unknown))})"
        )
        values = [*(run for run, _ in unknown), *(store for _, store in unknown)]
        for row in self._database.execute(sql, values).fetchall():
            self._stores[row[1], row[2]] = StoreEntry(*row)

    def _store(self, key: StoreKey) -> StoreEntry:
        """The entry of a store; of a new one a new entry."""
        entry = self._stores.get(key)
        if entry is None:
            if not self._next_store:
                ((last,),) = self._database.execute("SELECT coalesce(max(id), 0) FROM stores").fetchall()
                self._next_store = last + 1
            entry = self._stores[key] = StoreEntry(self._next_store, *key)
            self._next_store += 1
        return entry


def _is_unfit(error: BaseException) -> bool:
    """Whether a value is one that the database never takes, such as a text too long for an index."""
    cause = cause_of(error)
    if isinstance(cause, OverflowError | sqlite3.DataError):
        return True
    # Psycopg has no code for what it refuses itself.
    state = getattr(cause, "sqlstate", None) or ("22" * (type(cause).__name__ == "DataError"))
    return str(state).startswith(_UNFIT)


def _is_numbered_twice(error: BaseException) -> bool:
    """Whether two events of a store came under one number, on different lanes."""
    cause = cause_of(error)
    refused = isinstance(cause, sqlite3.IntegrityError) or getattr(cause, "sqlstate", None) == "23505"
    return refused and ("events.place" in str(cause) or "events_pkey" in str(cause))


def _error_for_sender(error: Exception) -> Exception:
    """As it is told to who sent it: what is not one of our errors is the fault of what was sent, or ours."""
    if isinstance(error, GatorError | UserError):
        return error
    if is_passing(error):
        # The hub ends before its database is back.
        return UnavailableError("the hub cannot write its database now: try again, or see its log")
    if _is_numbered_twice(error):
        return ProtocolError(
            "two events of a store have one number: import the original folder, not a changed copy"
        )
    said = one_line(error)
    if is_damaged(error):
        _log.error("the database %s (%s)", DAMAGED, said)
        return DamagedError()
    _log.error("the database refuses what it is given: %s: %s", type(error).__name__, said)
    if _is_unfit(error):
        # To send it again would change nothing.
        return ProtocolError(
            f"the database of the hub does not take all of it: see the hub's log ({said[:_MAX_SAID]})"
        )
    return StoreError("the database of the hub refuses it: see the hub's log")
