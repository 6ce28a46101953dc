"""Numbers for the attempts that events are about, so that a path stands in a store once.

Invariant: only subjects that may get more events are in memory; an attempt goes with its end, a node with its
Result.
"""

import sqlite3
from collections.abc import Iterable
from typing import cast

from gator.event_kinds import ENDING_KINDS
from gator.store.catalogue.upsert import INSERT_SUBJECTS
from gator.v1 import event_pb2

EventRow = tuple[int, str, int, int, int, int, "bytes | event_pb2.Block"]
"""Seq, path, attempt, kind, severity, time and payload; a block as its message, packed by the thread."""

Key = tuple[str, int]

_LAST = frozenset(map(int, ENDING_KINDS))


class Subjects:
    """The subjects of a store that is being written."""

    def __init__(self) -> None:
        self._ids: dict[Key, int] = {}
        self._next = 1
        self._new: list[tuple[int, str, int]] = []
        self._ended: list[Key] = []

    def __len__(self) -> int:
        return len(self._ids)

    def bind(
        self, connection: sqlite3.Connection, rows: Iterable[EventRow]
    ) -> list[tuple[int, int, int, int, int, object]]:
        """Rows of `events` within the open transaction; new subjects are inserted first."""
        ids = self._ids
        bound: list[tuple[int, int, int, int, int, object]] = []
        for seq, path, attempt, kind, severity, time, body in rows:
            key = (path, attempt)
            subject = ids.get(key)
            if subject is None:
                subject = ids[key] = self._next
                self._next += 1
                self._new.append((subject, path, attempt))
            if kind in _LAST:
                self._ended.append(key)
            bound.append((seq, subject, kind, severity, time, bytearray(cast("bytes", body))))
        try:
            INSERT_SUBJECTS.run(connection, self._new)
        except sqlite3.IntegrityError:
            known = self._insert_singly(connection)
            bound = [(row[0], known.get(row[1], row[1]), *row[2:]) for row in bound]
        return bound

    def _insert_singly(self, connection: sqlite3.Connection) -> dict[int, int]:
        """Inserts one by one, because a subject got an event after its last one and has a number already."""
        known: dict[int, int] = {}
        for subject, path, attempt in self._new:
            row = connection.execute(
                "SELECT id FROM subjects WHERE path = ? AND attempt = ?", (path, attempt)
            ).fetchone()
            if row is None:
                INSERT_SUBJECTS.run(connection, [(subject, path, attempt)])
            elif row[0] != subject:
                known[subject] = self._ids[path, attempt] = row[0]
        return known

    def committed(self) -> None:
        """Marks the bound rows as committed."""
        for key in self._ended:
            self._ids.pop(key, None)
        self._new.clear()
        self._ended.clear()

    def rolled_back(self) -> None:
        """Marks the bound rows as rolled back: they will be bound again."""
        for _, path, attempt in self._new:
            self._ids.pop((path, attempt), None)
        self._new.clear()
        self._ended.clear()
