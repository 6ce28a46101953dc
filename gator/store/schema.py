"""The tables of a store as numbered SQL, from the first version on.

The rule: a migration that was released is never changed; what comes later is a further number. The number of
a file stands in its `user_version`.
"""

import sqlite3
from collections.abc import Sequence

from gator.errors import StoreError

_VERSION_1 = (
    """
    CREATE TABLE meta (
        key TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE subjects (
        id INTEGER NOT NULL PRIMARY KEY,
        path TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        UNIQUE (path, attempt)
    )
    """,
    """
    CREATE TABLE events (
        seq INTEGER NOT NULL PRIMARY KEY,
        subject INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        severity INTEGER NOT NULL,
        time_unix_nanos INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    # Within one subject and kind the rows come in the order of seq, which is the rowid.
    "CREATE INDEX events_by_subject ON events (subject, kind)",
    """
    CREATE TABLE nodes (
        path TEXT NOT NULL PRIMARY KEY,
        parent TEXT NOT NULL,
        template TEXT NOT NULL,
        depth INTEGER NOT NULL,
        state INTEGER NOT NULL,
        sort TEXT,
        kind INTEGER,
        children INTEGER,
        jobs INTEGER,
        cores INTEGER,
        memory_bytes INTEGER,
        licenses TEXT,
        weight INTEGER,
        seed INTEGER,
        allow_failure INTEGER,
        tags TEXT,
        declared_unix_nanos INTEGER,
        started_unix_nanos INTEGER,
        ended_unix_nanos INTEGER,
        outcome INTEGER,
        reason INTEGER,
        message TEXT,
        attempts INTEGER,
        debug INTEGER,
        info INTEGER,
        warning INTEGER,
        error INTEGER,
        critical INTEGER,
        wall_nanos INTEGER,
        user_nanos INTEGER,
        system_nanos INTEGER,
        peak_memory_bytes INTEGER,
        peak_processes INTEGER,
        tally BLOB,
        first_error BLOB,
        first_failure TEXT,
        first_failure_unix_nanos INTEGER
    )
    """,
    "CREATE INDEX nodes_by_parent ON nodes (parent, declared_unix_nanos)",
    "CREATE INDEX nodes_by_sort ON nodes (sort)",
    "CREATE INDEX nodes_by_state ON nodes (kind, state, outcome)",
    """
    CREATE TABLE attempts (
        path TEXT NOT NULL,
        number INTEGER NOT NULL,
        store TEXT,
        daemon TEXT,
        host TEXT,
        pid INTEGER,
        cores INTEGER,
        started_unix_nanos INTEGER,
        ended_unix_nanos INTEGER,
        outcome INTEGER,
        reason INTEGER,
        message TEXT,
        exit_code INTEGER,
        signal INTEGER,
        first_seq INTEGER,
        last_seq INTEGER,
        debug INTEGER,
        info INTEGER,
        warning INTEGER,
        error INTEGER,
        critical INTEGER,
        wall_nanos INTEGER,
        user_nanos INTEGER,
        system_nanos INTEGER,
        peak_memory_bytes INTEGER,
        peak_processes INTEGER,
        stdout_lines INTEGER,
        stderr_lines INTEGER,
        dropped_bytes INTEGER,
        longest_silence_nanos INTEGER,
        first_error BLOB,
        PRIMARY KEY (path, number)
    )
    """,
    """
    CREATE TABLE metrics (
        path TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        kind INTEGER NOT NULL,
        unit TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (path, name)
    )
    """,
    """
    CREATE TABLE positions (
        store TEXT NOT NULL PRIMARY KEY,
        seq INTEGER NOT NULL
    )
    """,
)

_VERSION_2 = (
    "ALTER TABLE nodes ADD COLUMN signature TEXT",
    "ALTER TABLE attempts ADD COLUMN signature TEXT",
)

MIGRATIONS: tuple[Sequence[str], ...] = (_VERSION_1, _VERSION_2)
"""What leads from each version of the schema to the next; the first one from an empty file."""

_ADDED: tuple[tuple[int, str, str], ...] = ((2, "nodes", "signature"), (2, "attempts", "signature"))
"""Columns, all of them TEXT, that a version added to tables: number of the version, table, column."""

VERSION = len(MIGRATIONS)
"""The version that this Gator writes."""


def version_of(connection: sqlite3.Connection) -> int:
    """Version of a file's schema; 0 for an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a file to the newest version, each step in a transaction of its own.

    Raises StoreError for a file that is newer than `migrations`.
    """
    version = version_of(connection)
    check_version(version, len(migrations))
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def lacking(version: int, table: str) -> list[str]:
    """Columns, of type TEXT, that a table of this version lacks; in the order in which they were added."""
    return [column for added, where, column in _ADDED if where == table and added > version]


def read_as_newest(connection: sqlite3.Connection) -> None:
    """Let an older file answer the statements of this version, without writing to it.

    Views of the connection's own stand before its tables; columns that came later are NULL in them.
    """
    version = version_of(connection)
    for table in dict.fromkeys(where for added, where, _ in _ADDED if added > version):
        nulls = ", ".join(f"NULL AS {column}" for column in lacking(version, table))
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {nulls} FROM main.{table}")  # noqa: S608


def check_version(version: int, known: int = VERSION) -> None:
    """Raises StoreError for a file that a newer Gator wrote."""
    if version > known:
        raise StoreError(
            f"the store has version {version} of the schema and this gator knows {known}: use a newer gator"
        )
