"""Many rows by one statement.

The rule: statements are constant texts of few sizes. Each call into SQLite gives the interpreter away and
beside a busy thread waits to get it back, so a hundred rows must not cost a hundred calls.

A parameter that is no exact int, float, str or bytearray is offered to the adapters of PEP 246 first, which
takes longer than all the rest. So there is a statement for each set of columns about which something is said,
of which there are few, and bytes travel as a bytearray.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from gator.store.catalogue.alike import Alike, Said
from gator.store.catalogue.rows import AttemptRow, MetricRow, NodeRow, PositionRow, Row, upsert_sql

MAX_ROWS = 128
"""Rows of the largest statement unless something else is said; the others have half, a quarter, and so on."""


class Insert:
    """An INSERT of rows of one table, each given as a tuple."""

    __slots__ = ("_most_rows", "_sql")

    def __init__(self, head: str, tail: str, width: int, most_rows: int = MAX_ROWS) -> None:
        """`most_rows` is a power of two."""
        self._most_rows = most_rows
        row = "(" + ", ".join("?" * width) + ")"
        self._sql = {
            1 << power: f"{head} {', '.join([row] * (1 << power))} {tail}"
            for power in range(most_rows.bit_length())
        }

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert all rows within the transaction that is open."""
        at, left = 0, len(rows)
        while left:
            size = self._most_rows if left >= self._most_rows else 1 << (left.bit_length() - 1)
            connection.execute(self._sql[size], list(chain.from_iterable(rows[at : at + size])))
            at += size
            left -= size


class Upsert:
    """An INSERT that joins rows of the catalogue to those that are there."""

    __slots__ = ("_alike", "_inserts", "_row", "_table")

    def __init__(self, table: str, row: type[Row]) -> None:
        self._table, self._row, self._alike = table, row, Alike(row)
        self._inserts: dict[Said, Insert] = {}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Join all rows within the transaction that is open; no two of them have the same key."""
        for said, some in self._alike.groups(rows):
            insert = self._inserts.get(said)
            if insert is None:
                columns = self._alike.columns(said)
                insert = Insert(*upsert_sql(self._table, self._row, columns), len(columns))
                self._inserts[said] = insert
            insert.run(connection, some)


SUBJECTS = Insert("INSERT INTO subjects (id, path, attempt) VALUES", "", 3)
EVENTS = Insert("INSERT INTO events (seq, subject, kind, severity, time_unix_nanos, body) VALUES", "", 6)
META = Insert("INSERT INTO meta (key, value) VALUES", "", 2)
NODES = Upsert("nodes", NodeRow)
ATTEMPTS = Upsert("attempts", AttemptRow)
METRICS = Upsert("metrics", MetricRow)
POSITIONS = Upsert("positions", PositionRow)
