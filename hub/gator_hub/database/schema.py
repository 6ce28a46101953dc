"""Creates the tables of a hub through its models, and adds what older databases lack.

Invariant: an upgrade only adds to a database, in one transaction, and reads no rows.
"""

from contextlib import AbstractContextManager
from typing import Any, Protocol

import peewee as pw

from gator.core.causes.signature import VERSION as SIGNATURES
from gator.store.catalogue.columns import JSON, TEXT, Column
from gator_hub.database import tables
from gator_hub.database.dialect import Dialect
from gator_hub.database.models import Models

VERSION = 2
"""The version of the schema that this hub writes."""
_LOCK = 7_268_401
"""Key of the advisory lock under which one hub at a time creates the tables in PostgreSQL."""

_ASSUMED = (
    ("runs", "sqlite_autoindex_runs_1", "100 1"),
    ("runs", "runs_by_start", "100 1"),
    ("runs", "runs_by_ident", "100 20 1"),
    ("runs", "runs_by_parent", "100 2"),
    ("run_labels", "sqlite_autoindex_run_labels_1", "300 3 1"),
    ("run_labels", "run_labels_by_value", "300 100 30"),
    ("stores", "sqlite_autoindex_stores_1", "1000 10 1"),
    ("subjects", "sqlite_autoindex_subjects_1", "2000000 20000 2 1"),
    ("events", "events_by_subject", "100000000 50 10 1"),
    ("outputs", "outputs_by_size", "1000000 500000 10"),
    ("nodes", "sqlite_autoindex_nodes_1", "1000000 10000 1"),
    ("nodes", "nodes_by_parent", "1000000 10000 100 1"),
    ("nodes", "nodes_by_sort", "1000000 10000 1 1 1"),
    ("nodes", "nodes_by_declared", "1000000 10000 1 1"),
    ("nodes", "nodes_by_state", "1000000 10000 5000 4000 3000"),
    ("nodes", "nodes_by_path", "1000000 50 1"),
    ("nodes", "nodes_by_cause", "20000 100 10"),
    ("nodes", "nodes_to_sign", "10 10"),
    ("nodes", "nodes_by_duration", "900000 9000 2 1"),
    ("attempts", "sqlite_autoindex_attempts_1", "1000000 10000 1 1"),
    ("failed_tests", "sqlite_autoindex_failed_tests_1", "20000 100 5 1"),
    ("failed_tests", "failed_tests_by_cause", "20000 100 10"),
    ("cause_notes", "cause_notes_by_cause", "1000 3"),
    ("metrics", "sqlite_autoindex_metrics_1", "1000000 10000 5 1"),
)
"""Statistics of a medium-sized hub: table, index, then the number of rows in the index and how many
of them are alike in the first column, in the first two, and so on."""


class Creating(Protocol):
    """The part of a database that is needed to create its tables."""

    dialect: Dialect
    models: Models

    def execute(self, sql: str, values: tuple[object, ...] = ...) -> Any:
        """Returns the cursor of a statement on this thread's connection."""
        ...

    def run(self, query: pw.Query) -> Any:
        """Returns the cursor of a query on this thread's connection."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Returns a context manager for a writing transaction on this thread's connection."""
        ...


def create_tables(database: Creating) -> int:
    """Creates the tables in one transaction unless they exist, else upgrades them. Hubs wait for each other.

    The database must have been checked by `gator_hub.database.integrity.fault`. Returns the version that it
    had; 0 if it was empty.
    """
    models = database.models
    with database.transaction():
        if database.dialect is Dialect.POSTGRES:
            database.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        if models.schema_version.table_exists():
            ((version,),) = database.run(models.schema_version.select(models.schema_version.version))
            if version < VERSION:
                _upgrade(database, version)
            return version
        for model in models.all():
            model.create_table(safe=False)
        database.run(models.schema_version.insert(version=VERSION))
        database.run(models.signing.insert(version=SIGNATURES))
        if database.dialect is Dialect.SQLITE:
            _assume(database)
        return 0


def _upgrade(database: Creating, version: int) -> None:
    """Adds the tables, columns and indexes that were added since a version. Signatures are made later."""
    models = database.models
    added = tables.added_since(version)
    for table, model in zip(tables.TABLES, models.all(), strict=True):
        if table.name in added:
            model.create_table(safe=False)
            continue
        for column in table.columns:
            if f"{table.name}.{column.name}" in added:
                database.execute(_add_column(table.name, column, database.dialect))
        # This creates the indexes that are missing.
        model.create_table(safe=True)
    if "metrics.min" in added:
        # Only the combined value is known of older metrics.
        database.execute("UPDATE metrics SET min = value, max = value")
    for dropped, names in tables.DROPPED_INDEXES.items():
        for name in names if dropped > version else ():
            database.execute(f"DROP INDEX IF EXISTS {name}")
    database.run(models.schema_version.update(version=VERSION))
    if database.dialect is Dialect.SQLITE:
        _assume(database)


def _add_column(table: str, column: Column, dialect: Dialect) -> str:
    """Returns the statement that adds a column. Rows that exist get NULL."""
    is_text = column.type in (TEXT, JSON)
    collation = ' COLLATE "C"' if is_text and dialect is Dialect.POSTGRES else ""
    return f"ALTER TABLE {table} ADD COLUMN {column.name} {tables.SQL_TYPES[column.type]}{collation}"


def _assume(database: Creating) -> None:
    """Collects statistics for SQLite, which otherwise uses wrong indexes in large runs."""
    database.execute("ANALYZE sqlite_master")
    database.execute("DELETE FROM sqlite_stat1")
    for row in _ASSUMED:
        database.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
    # SQLite reads the statistics again only after this statement.
    database.execute("ANALYZE sqlite_master")
