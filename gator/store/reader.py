"""Reads one store, growing or finished, from any process.

Invariant: no SELECT stays open between two calls, and no call reads more than a bounded piece.
"""

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from msgspec import Struct

from gator.errors import StoreError
from gator.event_kinds import FIELD_OF_KIND, GRADED_KINDS
from gator.store.blocks import MAX_BYTES
from gator.store.connection import READ_ERRORS, open_reader
from gator.store.untrusted import (
    ODD_VALUE,
    SMALL_FILE_BYTES,
    check_files,
    damage_as_store_error,
    damaged,
    fetch,
)
from gator.v1 import attach_pb2, common_pb2, event_pb2

SLICE_BYTES = 4 * 1024 * 1024
"""A slice ends after the event with which it has this many bytes."""
SCAN_EVENTS = 20_000
"""Places that one call looks through at most."""

_LOG = int(attach_pb2.EVENT_KIND_LOG)
_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)
_FIELDS = {int(kind): field for kind, field in FIELD_OF_KIND.items()}
_MAX_SATURATED = 10_000
MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024
"""Maximum size of a run's description. That of 100,000 jobs has about half of it."""
_WORDS = {_LOG: "message", _BLOCK: "block of output"}
_EVERYTHING = attach_pb2.EventFilter()

MAX_BODY_BYTES = MAX_BYTES + 64 * 1024
"""Maximum size of an event that is read: the largest block and its metadata."""
BODY = (
    "CASE WHEN typeof(e.body) <> 'blob' THEN -1"
    f" WHEN length(e.body) > {MAX_BODY_BYTES} THEN length(e.body) ELSE e.body END"
)
"""SQL of the body of an event; its size if it is too large, -1 if it is not a blob."""

_SELECT = (
    f"SELECT e.seq, s.path, s.attempt, e.kind, e.severity, e.time_unix_nanos, {BODY}, e.subject"  # noqa: S608
    " FROM events AS e JOIN subjects AS s ON s.id = e.subject"
)

EventRow = tuple[int, str, int, int, int, int, bytes | int, int]
"""A row of an event; the body is a number if it is omitted, see `BODY`."""


class Slice(Struct, frozen=True):
    """Events that passed, in order, and the place up to which the store was looked through."""

    events: Sequence[event_pb2.Event]
    through: int


class StoreInfo(Struct, frozen=True):
    """What a store says of itself; empty in a store that says nothing."""

    id: str = ""
    run: str = ""
    daemon: str = ""
    host: str = ""


class Reader:
    """Reads one store. Several threads may use it, one after the other."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        turn: AbstractContextManager[object] | None = None,
        *,
        borrowed: bool = False,
    ) -> None:
        """Uses a connection while holding `turn`, and closes it unless it is `borrowed`."""
        self.path = path
        self._connection = connection
        self._turn = turn or threading.RLock()
        self._borrowed = borrowed
        self._measured = not borrowed and check_files(path) > SMALL_FILE_BYTES
        self._saturated: set[tuple[int, int, int]] = set()
        self._info: StoreInfo | None = None
        self._description: attach_pb2.RunDescription | None = None

    @classmethod
    def open(cls, path: Path) -> "Reader":
        """Returns a reader of a file. Raises StoreError if it is no store, or cannot be read by this user."""
        return cls(open_reader(path), path)

    @property
    def source(self) -> Path:
        """The file, for messages."""
        return self.path

    def close(self) -> None:
        """Closes the file. A live store that is being read cannot be brought into its final form.

        A thread that is reading finishes first; who reads afterwards gets a StoreError.
        """
        if not self._borrowed:
            # SQLite crashes when a connection is closed under a statement that runs.
            with self._turn:
                self._connection.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def info(self) -> StoreInfo:
        """What the store says of itself. Raises StoreError if that is not text."""
        if self._info is None:
            rows = self.query("SELECT id, run, daemon, host FROM store LIMIT 1")
            if any(type(value) is not str for row in rows for value in row):
                raise damaged(self.path, TypeError("its id is not text"))
            self._info = StoreInfo(*rows[0]) if rows else StoreInfo()
        return self._info

    @property
    def store_id(self) -> str:
        """Id of the store."""
        return self.info.id

    @property
    def description(self) -> attach_pb2.RunDescription:
        """What a root's store says of its run; empty in other stores. Must not be changed.

        Raises StoreError if it cannot be parsed.
        """
        if self._description is None:
            rows = self.query(
                "SELECT CASE WHEN typeof(description) IN ('blob', 'null') AND"  # noqa: S608 - a number
                f" coalesce(length(description), 0) <= {MAX_DESCRIPTION_BYTES} THEN description"
                " ELSE 'odd' END FROM store LIMIT 1"
            )
            try:
                found = rows[0][0] if rows else None
                self._description = attach_pb2.RunDescription.FromString(found or b"")
            except ODD_VALUE as error:
                raise damaged(self.path, error) from error
        return self._description

    def tip(self) -> int:
        """Returns the last committed sequence number."""
        return self.query("SELECT coalesce(max(seq), 0) FROM events")[0][0]

    @damage_as_store_error
    def events(self, after: int, wanted: attach_pb2.EventFilter = _EVERYTHING, limit: int = 1000) -> Slice:
        """Returns at most `limit` events after a position that pass a filter.

        A slice may be empty and yet reach further; it reaches no further than `after` only at the end.
        """
        until = min(self.tip(), after + SCAN_EVENTS)
        if until <= after or limit <= 0:
            return Slice((), after)
        where, values = _condition(wanted)
        rows, whole = self._rows(
            f"{_SELECT} WHERE e.seq > ? AND e.seq <= ?{where} ORDER BY e.seq LIMIT ?",
            [after, until, *values, limit],
        )
        through = until if whole and len(rows) < limit else rows[-1][0]
        if wanted.logs_per_attempt:
            rows = self._within_quota(rows, wanted)
        return Slice([event_of(row) for row in rows], through)

    @damage_as_store_error
    def of_attempt(
        self,
        path: str,
        attempt: int,
        kinds: Sequence[attach_pb2.EventKind.ValueType],
        after: int = 0,
        limit: int = 1000,
    ) -> Slice:
        """Returns at most `limit` events of one attempt after a position, found by the index.

        `through` is the place of the last of them, or `after` if there is none.
        """
        seqs = self.seqs_of(path, attempt, kinds, after, limit)
        events: list[event_pb2.Event] = []
        size = 0
        for seq in seqs:
            row = self.query(f"{_SELECT} WHERE e.seq = ?", (seq,))[0]
            events.append(event_of(row))
            size += size_of(row[6])
            if size > SLICE_BYTES:
                break
        return Slice(events, events[-1].seq if events else after)

    def seqs_of(
        self,
        path: str,
        attempt: int,
        kinds: Sequence[attach_pb2.EventKind.ValueType],
        after: int = 0,
        limit: int = -1,
    ) -> list[int]:
        """Places of the events of one attempt, in order; all of them with a negative `limit`."""
        found: list[int] = []
        # Within a subject and kind the index alone gives the places in their order.
        for kind in set(kinds):
            found += [
                seq
                for (seq,) in self.query(
                    "SELECT seq FROM events INDEXED BY events_by_subject WHERE subject ="
                    " (SELECT id FROM subjects WHERE path = ? AND attempt = ?) AND kind = ? AND seq > ?"
                    " ORDER BY seq LIMIT ?",
                    (path, attempt, int(kind), after, limit),
                )
            ]
        found.sort()
        return found if limit < 0 else found[:limit]

    def block(self, seq: int) -> event_pb2.Block:
        """Returns the block at a place. Raises StoreError if there is none that can be read."""
        rows = self.query(f"SELECT {BODY} FROM events AS e WHERE seq = ? AND kind = ?", (seq, _BLOCK))  # noqa: S608
        if not rows or not isinstance(rows[0][0], bytes):
            raise StoreError(f"there is no block of output at {seq} of {self.path}: the store is damaged")
        try:
            return event_pb2.Block.FromString(rows[0][0])
        except ODD_VALUE as error:
            raise damaged(self.path, error) from error

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Returns all rows of a SELECT with a small result. Raises StoreError if the file cannot be read."""
        with self._turn:
            try:
                return fetch(self._connection.execute(sql, values), measured=self._measured)
            except READ_ERRORS as error:
                raise self._unread(error) from error

    def _rows(self, sql: str, values: Sequence[object]) -> tuple[list[EventRow], bool]:
        """Rows up to the bound on bytes, and whether these are all."""
        rows: list[EventRow] = []
        size = 0
        with self._turn:
            try:
                cursor = self._connection.execute(sql, values)
                try:
                    for row in cursor:
                        rows.append(row)
                        size += size_of(row[6])
                        if size > SLICE_BYTES:
                            return rows, False
                finally:
                    cursor.close()
            except READ_ERRORS as error:
                raise self._unread(error) from error
        return rows, True

    def _unread(self, error: Exception) -> StoreError:
        said = "a query took too long" if str(error) == "interrupted" else str(error)
        return StoreError(f"{self.path} cannot be read: {said}")

    def _within_quota(self, rows: list[EventRow], wanted: attach_pb2.EventFilter) -> list[EventRow]:
        """Returns the rows without the log events beyond the quota of their attempt."""
        limit, severity = wanted.logs_per_attempt, int(wanted.severity)
        counts: dict[int, int] = {}
        kept: list[EventRow] = []
        for row in rows:
            if row[3] == _LOG:
                seq, subject = row[0], row[7]
                if subject not in counts:
                    counts[subject] = self._logs_before(subject, severity, seq, limit)
                counts[subject] += 1
                if counts[subject] > limit:
                    continue
            kept.append(row)
        return kept

    def _logs_before(self, subject: int, severity: int, seq: int, limit: int) -> int:
        key = (subject, severity, limit)
        if key in self._saturated:
            return limit
        ((count,),) = self.query(
            "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_by_subject"
            " WHERE subject = ? AND kind = ? AND seq < ? AND severity >= ? LIMIT ?)",
            (subject, _LOG, seq, severity, limit),
        )
        if count >= limit:
            if len(self._saturated) >= _MAX_SATURATED:
                self._saturated.clear()
            self._saturated.add(key)
        return count


def size_of(body: bytes | int) -> int:
    """Returns the number of bytes read for a body."""
    return len(body) if isinstance(body, bytes) else 0


def event_of(row: EventRow) -> event_pb2.Event:
    """Returns the event of a row; without a payload if this version does not know its kind.

    An unreadable body is replaced by a warning. Raises the exceptions of invalid values, see `ODD_VALUE`.
    """
    seq, path, attempt, kind, _, time, body, _ = row
    event = event_pb2.Event(seq=seq, path=path, attempt=attempt, time_unix_nanos=time)
    name = _FIELDS.get(kind)
    if name is None:
        return event
    payload = getattr(event, name)
    # An empty body is a payload too.
    payload.SetInParent()
    try:
        if isinstance(body, int):
            raise ValueError(f"{body:,} bytes" if body > 0 else "no bytes")
        payload.MergeFromString(body)
    except ODD_VALUE as error:
        text = f"a {_WORDS.get(kind, 'record')} is left out: the store is damaged ({error})"
        event.log.CopyFrom(event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text=text))
    return event


def _condition(wanted: attach_pb2.EventFilter) -> tuple[str, list[object]]:
    where = ""
    values: list[object] = []
    if wanted.kinds:
        where += f" AND e.kind IN ({', '.join(str(int(kind)) for kind in wanted.kinds)})"
    if wanted.severity:
        where += " AND (e.kind NOT IN (?, ?) OR e.severity >= ?)"
        values += [*GRADED_KINDS, int(wanted.severity)]
    if wanted.prefix:
        # "0" is the character after "/", so this is all that begins with the prefix and a slash.
        where += " AND (s.path = ? OR (s.path > ? AND s.path < ?))"
        values += [wanted.prefix, wanted.prefix + "/", wanted.prefix + "0"]
    return where, values
