"""Bulk INSERT and COPY statements of a hub, each in the form that is fastest for its database.

Statements are constant strings of few sizes, made from the descriptions of the tables, so that drivers
keep them prepared. Everything runs within the open transaction of the thread's connection.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from gator.core.text import without_nul
from gator.store.catalogue import upsert
from gator.store.catalogue.columns import BLOB, JSON, KEY, TEXT, Table
from gator.store.catalogue.fields import Row
from gator.store.catalogue.upsert import Known, RowGroups, Values, upsert_sql
from gator_hub.database import tables
from gator_hub.database.database import Database, Dialect
from gator_hub.database.texts import storable

_COPY = f"COPY events ({', '.join(tables.EVENTS.names)}) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = tuple("bytea" if column.type == BLOB else "int8" for column in tables.EVENTS.columns)
_MIN_COPY_ROWS = 16
"""Minimum number of rows with which a COPY is faster than an INSERT."""

# PostgreSQL allows 2,704 bytes in an index entry, and a character may take four.
_MAX_LABEL_NAME_CHARS = 128
_MAX_LABEL_VALUE_CHARS = 512

EventRow = tuple[int, int, int, int, int, bytearray]
"""The columns of `events`. The body is a bytearray: sqlite3 binds it faster than bytes."""


class HubInsert:
    """An INSERT of rows of one table, each given as a tuple."""

    __slots__ = ("_by_columns", "_by_rows")

    def __init__(
        self,
        table: Table,
        names: Sequence[str] = (),
        tail: str = "",
        max_rows: int = upsert.MAX_ROWS,
    ) -> None:
        """Creates the statements. `names` are the columns of a row in the table's order; empty means all."""
        if unknown := set(names) - set(table.names):
            raise ValueError(f"{table.name} has no columns {unknown}")
        columns = [column for column in table.columns if not names or column.name in names]
        head = f"INSERT INTO {table.name} ({', '.join(column.name for column in columns)})"
        self._by_rows = upsert.Insert(f"{head} VALUES", tail, len(columns), max_rows)
        arrays = ", ".join(f"?::{tables.SQL_TYPES[column.type]}[]" for column in columns)
        self._by_columns = f"{head} SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608 - names of columns

    def run(self, database: Database, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts all rows."""
        if not rows:
            return
        if database.dialect is Dialect.POSTGRES:
            # One parameter per column is ten times faster than one per value.
            database.execute(self._by_columns, [list(column) for column in zip(*rows, strict=True)])
            return
        # This bypasses peewee, which would parse each statement again.
        self._by_rows.run(database.connection, rows)


class _Merge(Struct):
    """Merges rows with values in the same columns."""

    insert: HubInsert
    texts: Sequence[int]
    """Indexes of the strings among the values."""
    keys: Sequence[int]
    """Indexes of the key among the values."""

    def run(self, database: Database, rows: Sequence[Values]) -> None:
        """Merges rows."""
        if any("\0" in "".join([row[index] for row in rows]) for index in self.texts):
            rows = self._cleaned(rows)
        self.insert.run(database, rows)

    def _cleaned(self, rows: Sequence[Values]) -> Sequence[Values]:
        # Keys may differ only in a NUL character, and one statement merges into a row only once.
        cleaned = [tuple(map(storable, row)) for row in rows]
        return list({tuple(row[place] for place in self.keys): row for row in cleaned}.values())


class HubUpsert:
    """An INSERT that merges rows of a catalogue into those that exist."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table, self._dialect, self._groups = table, dialect, RowGroups(table)
        self._merges: dict[Known, _Merge] = {}

    def merge(self, database: Database, run: int, rows: Iterable[Row]) -> None:
        """Merges rows of a run, and sets the number of the run in each of them.

        No two of them may have the same key.
        """
        of_run = list(rows)
        for row in of_run:
            row["run"] = run
        for known, values in self._groups.groups(of_run):
            merge = self._merges.get(known)
            if merge is None:
                merge = self._merges[known] = self._make_merge(self._groups.columns(known))
            merge.run(database, values)

    def _make_merge(self, names: Sequence[str]) -> _Merge:
        functions = ("least", "greatest") if self._dialect is Dialect.POSTGRES else ("min", "max")
        _, tail = upsert_sql(self._table, names, least=functions[0], greatest=functions[1])
        columns = [column for column in self._table.columns if column.name in names]
        texts = [at for at, column in enumerate(columns) if column.type in (TEXT, JSON)]
        keys = [at for at, column in enumerate(columns) if column.rule == KEY]
        return _Merge(HubInsert(self._table, names, tail), texts, keys)


class CatalogueUpserts:
    """The statements of the tables that are derived from events."""

    def __init__(self, dialect: Dialect) -> None:
        self.nodes = HubUpsert(tables.NODES, dialect)
        self.attempts = HubUpsert(tables.ATTEMPTS, dialect)
        self.metrics = HubUpsert(tables.METRICS, dialect)


INSERT_EVENTS = HubInsert(
    tables.EVENTS,
    # Small, because after each statement the writer may wait for the GIL, which the event loop holds.
    max_rows=512,
)
INSERT_SUBJECTS = HubInsert(tables.SUBJECTS)
UPSERT_STORES = HubInsert(tables.STORES, tail=upsert_sql(tables.STORES, tables.STORES.names)[1])
ADD_OUTPUTS = HubInsert(
    tables.OUTPUTS,
    tail="ON CONFLICT (subject) DO UPDATE SET size_bytes = outputs.size_bytes + excluded.size_bytes,"
    " trimmed = 0",
)
ADD_FAILED_TESTS = HubInsert(tables.FAILED_TESTS, tail="ON CONFLICT DO NOTHING")


def insert_events(database: Database, rows: Sequence[EventRow]) -> None:
    """Inserts events. None of them may exist already."""
    if database.dialect is Dialect.POSTGRES and len(rows) >= _MIN_COPY_ROWS:
        with database.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COPY_TYPES)
            for row in rows:
                copy.write_row(row)
        return
    INSERT_EVENTS.run(database, rows)


def indexed_label(name: str, value: str) -> tuple[str, str]:
    """Returns a label as it is indexed: without NUL, and truncated to the size that an index allows."""
    return without_nul(name)[:_MAX_LABEL_NAME_CHARS], without_nul(value)[:_MAX_LABEL_VALUE_CHARS]
