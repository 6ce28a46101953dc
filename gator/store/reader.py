"""Reads one store, growing or finished, from any process.

Invariant: no SELECT stays open between two calls, and no call reads more than a bounded piece.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from gator.errors import StoreError
from gator.event_kinds import EVENT_KINDS, GRADED_KINDS
from gator.store.connection import READ_ERRORS, open_reader
from gator.store.event_rows import BODY, EventRow, event_of, size_of
from gator.store.sql_condition import SqlCondition
from gator.store.untrusted import (
    ODD_VALUE,
    SMALL_FILE_BYTES,
    check_files,
    damage_as_store_error,
    damaged,
    fetch,
)
from gator.v1 import attach_pb2, event_pb2

SLICE_BYTES = 4 * 1024 * 1024
"""Size in bytes at which a slice ends. The event that reaches it is included."""
SCAN_EVENTS = 20_000
"""Maximum number of places that one call scans if no index selects the events."""
MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024
"""Maximum size of a run's description. That of 100,000 jobs has about half of it."""
_MAX_LOOKS = 48
"""Maximum number of index lookups, one per subject and kind, for which the events below a node are not
found by a scan."""
_ALL_KINDS = tuple(each.kind for each in EVENT_KINDS)
_EVERYTHING = attach_pb2.EventFilter()

_SELECT = (
    f"SELECT e.seq, s.path, s.attempt, e.kind, e.time_unix_nanos, {BODY}"  # noqa: S608 - constant
    " FROM events AS e JOIN subjects AS s ON s.id = e.subject"
)


class Slice(NamedTuple):
    """Events that passed, in order, and the position up to which the store was read."""

    events: Sequence[event_pb2.Event]
    through: int


class StoreInfo(Struct, frozen=True):
    """The properties of a store; empty in a store without them."""

    id: str = ""
    run: str = ""
    daemon: str = ""
    host: str = ""


class StoreReader:
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
        self._info: StoreInfo | None = None
        self._description: attach_pb2.RunDescription | None = None

    @classmethod
    def open(cls, path: Path) -> "StoreReader":
        """Returns a reader of a file. Raises StoreError if it is not a store or this user cannot read it."""
        return cls(open_reader(path), path)

    @property
    def source(self) -> Path:
        """The file, for messages."""
        return self.path

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The connection, which may have temporary tables; None if it belongs to the owner of the store."""
        return None if self._borrowed else self._connection

    def close(self) -> None:
        """Closes the file. A live store that is being read cannot be brought into its final form.

        A thread that is reading finishes first; later reads raise StoreError.
        """
        if not self._borrowed:
            # SQLite crashes when a connection is closed under a statement that runs.
            with self._turn:
                self._connection.close()

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def info(self) -> StoreInfo:
        """The properties of the store. Raises StoreError if they are not text."""
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
        """The description of the run in a root's store; empty in other stores. Must not be changed.

        Raises StoreError if it cannot be parsed.
        """
        if self._description is None:
            rows = self.query(
                "SELECT CASE WHEN typeof(description) IN ('blob', 'null') AND"  # noqa: S608 - a number
                f" coalesce(length(description), 0) <= {MAX_DESCRIPTION_BYTES} THEN description"
                " ELSE 'odd' END FROM store LIMIT 1"
            )
            try:
                blob = rows[0][0] if rows else None
                self._description = attach_pb2.RunDescription.FromString(blob or b"")
            except ODD_VALUE as error:
                raise damaged(self.path, error) from error
        return self._description

    def tip(self) -> int:
        """Returns the last committed sequence number."""
        return self.query("SELECT coalesce(max(seq), 0) FROM events")[0][0]

    @damage_as_store_error
    def read(
        self,
        after: int,
        event_filter: attach_pb2.EventFilter = _EVERYTHING,
        limit: int = 1000,
        *,
        path: str = "",
        attempt: int = 0,
    ) -> Slice:
        """Returns at most `limit` events after a position that match a filter.

        `path` selects one node instead of the prefix, `attempt` the attempts with one number.
        `logs_per_attempt` is ignored. A slice may be empty and yet reach further; it reaches no further than
        `after` only at the end.
        """
        # Read first, so that events that are committed meanwhile do not count as read.
        last = self.tip()
        if last <= after or limit <= 0:
            return Slice((), after)
        kinds = list(dict.fromkeys(event_filter.kinds)) or _ALL_KINDS
        subjects = self._subjects(path, event_filter.prefix, attempt, len(kinds))
        if subjects is None:
            return self._scan(after, min(last, after + SCAN_EVENTS), event_filter, limit, attempt)
        seqs: list[int] = []
        # Within one subject and kind the index has the events in order.
        for subject in subjects:
            for kind in kinds:
                where = SqlCondition().add("subject = ? AND kind = ?", subject, int(kind))
                where.add("seq > ? AND seq <= ?", after, last)
                where.severity(event_filter.severity if kind in GRADED_KINDS else 0)
                seqs += [
                    seq
                    for (seq,) in self.query(
                        f"SELECT seq FROM events INDEXED BY events_by_subject WHERE {where.text}"  # noqa: S608
                        " ORDER BY seq LIMIT ?",
                        [*where.values, limit],
                    )
                ]
        return self._at(sorted(seqs)[:limit], last if len(seqs) < limit else 0)

    def slices(
        self,
        event_filter: attach_pb2.EventFilter = _EVERYTHING,
        after: int = 0,
        *,
        path: str = "",
        attempt: int = 0,
    ) -> Iterator[Slice]:
        """Yields all slices after a position up to the present end of the store; see `read`."""
        while (part := self.read(after, event_filter, path=path, attempt=attempt)).through > after:
            yield part
            after = part.through

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Returns all rows of a SELECT with a small result. Raises StoreError if the file cannot be read."""
        with self._turn:
            try:
                return fetch(self._connection.execute(sql, values), measured=self._measured)
            except READ_ERRORS as error:
                raise self._unread(error) from error

    def _subjects(self, path: str, prefix: str, attempt: int, kinds: int) -> list[int] | None:
        """Returns the numbers of the selected subjects; None if all or many of them are selected."""
        if not path and not prefix:
            return None
        where = SqlCondition()
        if path:
            where.add("path = ?", path)
        else:
            where.below("path", prefix)
        if attempt:
            where.add("attempt = ?", attempt)
        maximum = -1 if path else _MAX_LOOKS // kinds
        rows = self.query(
            f"SELECT id FROM subjects WHERE {where.text} LIMIT ?",  # noqa: S608 - constant parts
            [*where.values, maximum + 1 if maximum >= 0 else -1],
        )
        return [number for (number,) in rows] if path or len(rows) <= maximum else None

    def _at(self, seqs: Sequence[int], last: int) -> Slice:
        """Returns the events at these places. The slice reaches to `last`, or to its last event for 0."""
        events: list[event_pb2.Event] = []
        size = 0
        for seq in seqs:
            row: EventRow = self.query(f"{_SELECT} WHERE e.seq = ?", (seq,))[0]
            events.append(event_of(row))
            size += size_of(row[-1])
            if size > SLICE_BYTES:
                return Slice(events, seq)
        return Slice(events, last or seqs[-1])

    def _scan(
        self, after: int, until: int, event_filter: attach_pb2.EventFilter, limit: int, attempt: int
    ) -> Slice:
        """Returns events between two places, which are read one by one."""
        where = (
            SqlCondition().add("e.seq > ? AND e.seq <= ?", after, until).numbers("e.kind", event_filter.kinds)
        )
        where.severity(event_filter.severity)
        if event_filter.prefix:
            where.below("s.path", event_filter.prefix)
        if attempt:
            where.add("s.attempt = ?", attempt)
        rows, whole = self._rows(
            f"{_SELECT} WHERE {where.text} ORDER BY e.seq LIMIT ?", [*where.values, limit]
        )
        through = until if whole and len(rows) < limit else rows[-1][0]
        return Slice([event_of(row) for row in rows], through)

    def _rows(self, sql: str, values: Sequence[object]) -> tuple[list[EventRow], bool]:
        """Returns rows up to `SLICE_BYTES`, and whether these are all."""
        rows: list[EventRow] = []
        size = 0
        with self._turn:
            try:
                cursor = self._connection.execute(sql, values)
                try:
                    for row in cursor:
                        rows.append(row)
                        size += size_of(row[-1])
                        if size > SLICE_BYTES:
                            return rows, False
                finally:
                    cursor.close()
            except READ_ERRORS as error:
                raise self._unread(error) from error
        return rows, True

    def _unread(self, error: Exception) -> StoreError:
        reason = "a query took too long" if str(error) == "interrupted" else str(error)
        return StoreError(f"{self.path} cannot be read: {reason}")
