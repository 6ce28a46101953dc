"""Many rows by one statement, in the way that is fastest for each database.

Rule: a statement is a constant text of few sizes, so that drivers keep it prepared. Everything runs
within the transaction that is open on the thread's connection.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from gator.store.catalogue import upsert
from gator.store.catalogue.alike import Alike, Said, Values
from gator.store.catalogue.rows import KEY, AttemptRow, MetricRow, NodeRow, Row, rule_of, type_of, upsert_sql
from gator_hub.database.database import Database, Dialect, clean

_COPY = "COPY events (place, subject, kind, severity, time_unix_nanos, body) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = ("int8", "int8", "int8", "int8", "int8", "bytea")
_COPY_FROM = 16
"""From so many rows on a COPY is faster than an INSERT."""

_ARRAYS = {"int": "bigint", "float": "double precision", "str": "text", "bytes": "bytea"}

# PostgreSQL takes 2,704 bytes into an index, and a character may have four.
_LABEL_NAME = 128
_LABEL_VALUE = 512

EventRow = tuple[int, int, int, int, int, bytearray]
"""The body is not `bytes`: sqlite3 offers those to its adapters first, which takes longer than the rest."""


class Insert:
    """An INSERT of rows of one table, each given as a tuple. Columns are `int`, `float`, `str` or `bytes`."""

    __slots__ = ("_by_columns", "_by_rows")

    def __init__(
        self, table: str, columns: Mapping[str, str], tail: str = "", most_rows: int = upsert.MAX_ROWS
    ) -> None:
        head = f"INSERT INTO {table} ({', '.join(columns)})"
        self._by_rows = upsert.Insert(f"{head} VALUES", tail, len(columns), most_rows)
        arrays = ", ".join(f"?::{_ARRAYS[kind]}[]" for kind in columns.values())
        self._by_columns = f"{head} SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608 - names of columns

    def run(self, database: Database, rows: Sequence[Sequence[Any]]) -> None:
        """Insert all rows."""
        if not rows:
            return
        if database.dialect is Dialect.POSTGRES:
            # A parameter for each column instead of each value: a tenth of the time.
            database.execute(self._by_columns, [list(column) for column in zip(*rows, strict=True)])
            return
        # Past peewee, which would look at each statement anew.
        self._by_rows.run(database.connection, rows)


class _Shape(Struct):
    """What is done with rows that say something about the same columns."""

    insert: Insert
    texts: Sequence[int]
    """Places of the texts among the values."""
    keys: Sequence[int]
    """Places of what no two rows have alike."""

    def run(self, database: Database, run: int, rows: Sequence[Values]) -> None:
        """Join rows of a run."""
        if any("\0" in "".join([row[place] for row in rows]) for place in self.texts):
            rows = self._cleaned(rows)
        self.insert.run(database, [(run, *row) for row in rows])

    def _cleaned(self, rows: Sequence[Values]) -> Sequence[Values]:
        # Keys may have differed in what is cleaned alone, and one statement joins to a row only once.
        cleaned = [tuple(map(_clean, row)) for row in rows]
        return list({tuple(row[place] for place in self.keys): row for row in cleaned}.values())


class Upsert:
    """An INSERT that joins rows of a catalogue to those that are there."""

    def __init__(self, table: str, row: type[Row], dialect: Dialect) -> None:
        self._table, self._row, self._dialect, self._alike = table, row, dialect, Alike(row)
        self._shapes: dict[Said, _Shape] = {}

    def run(self, database: Database, run: int, rows: Sequence[Row]) -> None:
        """Join all rows of a run; no two of them have the same key."""
        for said, some in self._alike.groups(rows):
            shape = self._shapes.get(said)
            if shape is None:
                shape = self._shapes[said] = self._shape(self._alike.columns(said))
            shape.run(database, run, some)

    def _shape(self, columns: Sequence[str]) -> _Shape:
        lesser = ("least", "greatest") if self._dialect is Dialect.POSTGRES else ("min", "max")
        _, tail = upsert_sql(self._table, self._row, columns, key="run", least=lesser[0], greatest=lesser[1])
        types = {name: type_of(self._row, name) for name in columns}
        texts = [place for place, kind in enumerate(types.values()) if kind == "str"]
        keys = [place for place, name in enumerate(types) if rule_of(self._row, name) == KEY]
        return _Shape(Insert(self._table, {"run": "int", **types}, tail), texts, keys)


class Catalogue:
    """The statements of the tables that are derived from events."""

    def __init__(self, dialect: Dialect) -> None:
        self.nodes = Upsert("nodes", NodeRow, dialect)
        self.attempts = Upsert("attempts", AttemptRow, dialect)
        self.metrics = Upsert("metrics", MetricRow, dialect)


EVENTS = Insert(
    "events",
    {
        "place": "int",
        "subject": "int",
        "kind": "int",
        "severity": "int",
        "time_unix_nanos": "int",
        "body": "bytes",
    },
    # After each statement the writer may wait for the interpreter, which the event loop has meanwhile.
    most_rows=512,
)
SUBJECTS = Insert("subjects", {"id": "int", "run": "int", "path": "str", "attempt": "int"})
STORES = Insert(
    "stores",
    {"id": "int", "run": "int", "store": "str", "states_seq": "int", "bulk_seq": "int"},
    "ON CONFLICT (id) DO UPDATE SET states_seq = excluded.states_seq, bulk_seq = excluded.bulk_seq",
)


OUTPUTS = Insert(
    "outputs",
    {"subject": "int", "size_bytes": "int", "shed": "int"},
    "ON CONFLICT (subject) DO UPDATE SET size_bytes = outputs.size_bytes + excluded.size_bytes, shed = 0",
)


def insert_events(database: Database, rows: Sequence[EventRow]) -> None:
    """Insert events, of which none is there yet."""
    if database.dialect is Dialect.POSTGRES and len(rows) >= _COPY_FROM:
        with database.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COPY_TYPES)
            for row in rows:
                copy.write_row(row)
        return
    EVENTS.run(database, rows)


def label(name: str, value: str) -> tuple[str, str]:
    """A label as it is looked for: an index takes so much of it and no more."""
    return clean(name)[:_LABEL_NAME], clean(value)[:_LABEL_VALUE]


def _clean(value: Any) -> Any:
    return clean(value) if type(value) is str else value
