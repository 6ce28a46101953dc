"""Many rows by one statement.

The rule: statements are constant texts of few sizes. Each call into SQLite gives the interpreter away and
beside a busy thread waits to get it back, so a hundred rows must not cost a hundred calls.

A parameter that is no exact int, float, str or bytearray is offered to the adapters of PEP 246 first, which
takes longer than all the rest. So None travels as a number that stands for it, and bytes as a bytearray.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from gator.store.rows import AttemptRow, MetricRow, NodeRow, PositionRow, Row, columns_of, upsert_sql

MOST_ROWS = 128
"""Rows of the largest statement; the others have half of it, a quarter, and so on down to one."""


ABSENT = -(2**63)
"""Stands for None in rows of the catalogue, which have no such number."""


class Insert:
    """An INSERT of rows of one table, each given as a tuple."""

    __slots__ = ("_sql",)

    def __init__(self, head: str, width: int, tail: str = "", *, nullable: bool = False) -> None:
        value = f"nullif(?, {ABSENT})" if nullable else "?"
        row = "(" + ", ".join([value] * width) + ")"
        self._sql = {
            1 << power: f"{head} {', '.join([row] * (1 << power))} {tail}"
            for power in range(MOST_ROWS.bit_length())
        }

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert all rows within the transaction that is open."""
        at, left = 0, len(rows)
        while left:
            size = MOST_ROWS if left >= MOST_ROWS else 1 << (left.bit_length() - 1)
            connection.execute(self._sql[size], list(chain.from_iterable(rows[at : at + size])))
            at += size
            left -= size


class Upsert:
    """An INSERT that joins rows of the catalogue to those that are there."""

    __slots__ = ("_insert", "_values")

    def __init__(self, table: str, row: type[Row]) -> None:
        columns = columns_of(row)
        head, tail = upsert_sql(table, row)
        self._insert = Insert(head, len(columns), tail, nullable=True)
        self._values = attrgetter(*columns)

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Join all rows within the transaction that is open; no two of them have the same key."""
        self._insert.run(connection, [list(map(_bindable, self._values(row))) for row in rows])


def _bindable(value: Any) -> Any:
    if value is None:
        return ABSENT
    return bytearray(value) if value.__class__ is bytes else value


SUBJECTS = Insert("INSERT INTO subjects (id, path, attempt) VALUES", 3)
EVENTS = Insert("INSERT INTO events (seq, subject, kind, severity, time_unix_nanos, body) VALUES", 6)
META = Insert("INSERT INTO meta (key, value) VALUES", 2)
NODES = Upsert("nodes", NodeRow)
ATTEMPTS = Upsert("attempts", AttemptRow)
METRICS = Upsert("metrics", MetricRow)
POSITIONS = Upsert("positions", PositionRow)
