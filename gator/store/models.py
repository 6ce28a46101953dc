"""The tables as peewee models, for queries that are not worth a text of their own.

The rule: models are made for each database anew, never bound to another one; and nothing that writes imports
this, because peewee takes longer to load than a short job to run.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import peewee as pw

from gator.store.connection import open_reader
from gator.store.rows import KEY, AttemptRow, MetricRow, NodeRow, PositionRow, Row

_INTEGER = "int"
_FIELDS: "Mapping[str, type[pw.Field[Any]]]" = {
    "str": pw.TextField,
    _INTEGER: pw.IntegerField,
    "float": pw.FloatField,
    "bytes": pw.BlobField,
}


class StoreDatabase(pw.SqliteDatabase):
    """The file of a store, to be read. Raises StoreError where that is not possible."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))  # pyright: ignore[reportUnknownMemberType] - its stubs leave gaps
        self._path = path

    def _connect(self) -> sqlite3.Connection:
        return open_reader(self._path)


@dataclass(frozen=True, slots=True)
class Tables:
    """The models of one database; their fields are the columns."""

    meta: Any
    subjects: Any
    events: Any
    nodes: Any
    attempts: Any
    metrics: Any
    positions: Any


def make_models(database: pw.Database) -> Tables:
    """Models of the tables, bound to `database` alone."""
    numbers = ("subject", "kind", "severity", "time_unix_nanos")
    return Tables(
        meta=_model(database, "meta", {"key": "str", "value": "str"}, ["key"]),
        subjects=_model(database, "subjects", {"id": "int", "path": "str", "attempt": "int"}, ["id"]),
        events=_model(
            database,
            "events",
            {"seq": "int", **dict.fromkeys(numbers, _INTEGER), "body": "bytes"},
            ["seq"],
        ),
        nodes=_of_rows(database, "nodes", NodeRow),
        attempts=_of_rows(database, "attempts", AttemptRow),
        metrics=_of_rows(database, "metrics", MetricRow),
        positions=_of_rows(database, "positions", PositionRow),
    )


def _of_rows(database: pw.Database, table: str, row: type[Row]) -> Any:
    columns = {column.name: _type_name(column.type) for column in fields(row)}
    keys = [column.name for column in fields(row) if column.metadata["rule"] == KEY]
    unsaid = [column.name for column in fields(row) if column.default is None]
    return _model(database, table, columns, keys, unsaid)


def _type_name(annotation: Any) -> str:
    """`int` of `int | None`, as an annotation of a dataclass gives it."""
    return annotation.__name__ if isinstance(annotation, type) else annotation.__args__[0].__name__


def _model(
    database: pw.Database,
    table: str,
    columns: Mapping[str, str],
    keys: Sequence[str],
    nullable: Sequence[str] = (),
) -> Any:
    members: dict[str, Any] = {
        name: _FIELDS[kind](null=name in nullable, primary_key=[name] == list(keys))
        for name, kind in columns.items()
    }
    meta: dict[str, Any] = {"database": database, "table_name": table}
    if len(keys) > 1:
        meta["primary_key"] = pw.CompositeKey(*keys)
    return type(table.capitalize(), (pw.Model,), {**members, "Meta": type("Meta", (), meta)})
