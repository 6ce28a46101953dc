"""Makes the peewee models of a hub's tables from their descriptions.

Invariant: models are made for each database and are bound to no other one.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import peewee as pw
from msgspec import Struct

from gator.store.catalogue.columns import BLOB, FLAG, INT, JSON, KEY, MESSAGE, REAL, TEXT, Column, Table
from gator_hub.database import tables
from gator_hub.database.dialect import Dialect
from gator_hub.database.texts import storable

Model: TypeAlias = Any
"""A model class; its attributes are the columns."""


class _Text(pw.TextField):
    """A string without NUL, which PostgreSQL refuses."""

    def db_value(self, value: Any) -> Any:
        return storable(value)


_FIELDS: "Mapping[str, type[pw.Field[Any]]]" = {
    INT: pw.BigIntegerField,
    FLAG: pw.BigIntegerField,
    REAL: pw.DoubleField,
    TEXT: _Text,
    JSON: _Text,
    BLOB: pw.BlobField,
    MESSAGE: pw.BlobField,
}


class Models(Struct, frozen=True):
    """The models of one database."""

    schema_version: Model
    runs: Model
    descriptions: Model
    run_labels: Model
    stores: Model
    subjects: Model
    events: Model
    outputs: Model
    nodes: Model
    attempts: Model
    metrics: Model
    failed_tests: Model
    former_signatures: Model
    cause_rules: Model
    cause_notes: Model
    signing: Model

    def all(self) -> list[Model]:
        """Returns the models of all tables."""
        return [getattr(self, table.name) for table in tables.TABLES]


def make_models(database: pw.Database, dialect: Dialect) -> Models:
    """Returns new models that are bound to `database` alone."""
    made = {table.name: _model(database, table, dialect) for table in tables.TABLES}
    return Models(**made)


def _model(database: pw.Database, table: Table, dialect: Dialect) -> Model:
    single = len(table.key) == 1
    members: dict[str, Any] = {
        column.name: _field(column, dialect, is_key=single and column.rule == KEY) for column in table.columns
    }
    meta: dict[str, Any] = {"database": database, "table_name": table.name}
    if len(table.key) != 1:
        meta["primary_key"] = pw.CompositeKey(*table.key) if table.key else False
    if table.unique:
        meta["constraints"] = [pw.SQL(f"UNIQUE ({', '.join(table.unique)})")]
    model: Model = type(table.name.capitalize(), (pw.Model,), {**members, "Meta": type("Meta", (), meta)})
    for index in table.indexes:
        where = pw.SQL(index.where) if index.where else None
        columns = [pw.SQL(column) for column in index.columns]
        model.add_index(pw.Index(index.name, table.name, columns, where=where))
    return model


def _field(column: Column, dialect: Dialect, *, is_key: bool) -> "pw.Field[Any]":
    options: dict[str, Any] = {"null": not column.required, "primary_key": is_key}
    if _FIELDS[column.type] is _Text and dialect is Dialect.POSTGRES:
        # Strings are compared byte by byte, as SQLite does.
        options["collation"] = '"C"'
    return _FIELDS[column.type](**options)
