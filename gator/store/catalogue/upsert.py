"""Writes many rows with one statement.

Statements are constant strings of few sizes. Each call into SQLite releases the interpreter lock and
has to wait for it beside a busy thread, so a hundred rows must not cost a hundred calls.

A parameter that is not exactly an int, float, str or bytearray is offered to the adapters of PEP 246
first, which takes longer than everything else. So there is one statement for each set of columns
that has values; there are few of them. Bytes are passed as a bytearray.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from operator import itemgetter
from typing import Any, TypeAlias

from gator.store.catalogue.columns import (
    ATTEMPTS,
    EVENTS,
    FIXED,
    GREATEST,
    KEY,
    LEAST,
    METRICS,
    NODES,
    POSITIONS,
    STORE,
    SUBJECTS,
    Table,
)
from gator.store.catalogue.fields import Row

MAX_ROWS = 128
"""Default maximum number of rows of a statement. There are also statements for a half, a quarter, …"""

Known: TypeAlias = tuple[bool, ...]
"""For each column of a table whether a row has a value."""
Values: TypeAlias = tuple[Any, ...]


class Insert:
    """An INSERT of rows of one table, each given as a tuple."""

    __slots__ = ("_max_rows", "_sql")

    def __init__(self, head: str, tail: str, width: int, max_rows: int = MAX_ROWS) -> None:
        """Creates the statements for up to `max_rows` rows, which is a power of two."""
        self._max_rows = max_rows
        row = "(" + ", ".join("?" * width) + ")"
        self._sql = {
            1 << power: f"{head} {', '.join([row] * (1 << power))} {tail}"
            for power in range(max_rows.bit_length())
        }

    @classmethod
    def of(cls, table: Table) -> "Insert":
        """Returns the INSERT of whole rows of a table."""
        return cls(f"INSERT INTO {table.name} ({', '.join(table.names)}) VALUES", "", len(table.columns))

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts all rows within the open transaction."""
        at, left = 0, len(rows)
        while left:
            size = self._max_rows if left >= self._max_rows else 1 << (left.bit_length() - 1)
            connection.execute(self._sql[size], list(chain.from_iterable(rows[at : at + size])))
            at += size
            left -= size


class RowGroups:
    """Groups rows of one table by the columns that have values."""

    __slots__ = ("_names", "_picks")

    def __init__(self, table: Table) -> None:
        self._names = table.names
        self._picks: dict[Known, Callable[[Values], Values]] = {}

    def columns(self, known: Known) -> list[str]:
        """Returns the names of the columns that have values."""
        return list(compress(self._names, known))

    def groups(self, rows: Iterable[Row]) -> Iterable[tuple[Known, Sequence[Values]]]:
        """Yields each set of columns with the values of its rows, without NULLs."""
        groups: dict[Known, list[Values]] = {}
        for row in rows:
            values = tuple(map(row.get, self._names))
            groups.setdefault(tuple([value is not None for value in values]), []).append(values)
        for known, some in groups.items():
            pick = self._picks.get(known)
            if pick is None:
                # A row has at least one column of a key and one more.
                pick = self._picks[known] = itemgetter(*compress(range(len(known)), known))
            yield known, list(map(pick, some))


class Upsert:
    """An INSERT that merges rows into those that exist."""

    __slots__ = ("_groups", "_inserts", "_table")

    def __init__(self, table: Table) -> None:
        self._table, self._groups = table, RowGroups(table)
        self._inserts: dict[Known, Insert] = {}

    def run(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Merges all rows within the open transaction. No two of them may have the same key."""
        for known, some in self._groups.groups(rows):
            insert = self._inserts.get(known)
            if insert is None:
                columns = self._groups.columns(known)
                insert = Insert(*upsert_sql(self._table, columns), len(columns))
                self._inserts[known] = insert
            insert.run(connection, some)


def upsert_sql(
    table: Table, names: Sequence[str], *, least: str = "min", greatest: str = "max"
) -> tuple[str, str]:
    """Returns what stands before and after the VALUES of an INSERT that merges rows.

    `names` are the columns with values, in order. `least` and `greatest` are the functions of the
    database for the lesser and the greater of two values.
    """
    functions = {LEAST: least, GREATEST: greatest}
    merged = ", ".join(
        f"{column.name} = {_merged(table.name, column.name, functions.get(column.rule, ''))}"
        for column in table.columns
        if column.name in names and column.rule not in (KEY, FIXED)
    )
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES",
        f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {merged}",
    )


def _merged(table: str, column: str, function: str) -> str:
    new, old = f"excluded.{column}", f"{table}.{column}"
    return f"{function}({new}, coalesce({old}, {new}))" if function else new


INSERT_STORE = Insert.of(STORE)
INSERT_SUBJECTS = Insert.of(SUBJECTS)
INSERT_EVENTS = Insert.of(EVENTS)
UPSERT_NODES = Upsert(NODES)
UPSERT_ATTEMPTS = Upsert(ATTEMPTS)
UPSERT_METRICS = Upsert(METRICS)
UPSERT_POSITIONS = Upsert(POSITIONS)
