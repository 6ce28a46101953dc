"""The tables as peewee models, for queries that are not worth a text of their own.

The rule: models are made for each database anew, never bound to another one; and nothing that writes imports
this, because peewee takes longer to load than a short job to run.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import peewee as pw
from msgspec import Struct

from gator.store.catalogue.rows import (
    KEY,
    AttemptRow,
    MetricRow,
    NodeRow,
    PositionRow,
    Row,
    columns_of,
    rule_of,
    type_of,
)
from gator.store.connection import open_reader

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


class Tables(Struct, frozen=True):
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
    columns = {name: type_of(row, name) for name in columns_of(row)}
    keys = [name for name in columns if rule_of(row, name) == KEY]
    unsaid = columns_of(row)[len(columns) - len(row.__struct_defaults__) :]
    return _model(database, table, columns, keys, unsaid)


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
