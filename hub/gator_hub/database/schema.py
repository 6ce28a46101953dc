"""The tables of the hub as numbered SQL, the same for both databases.

Rule: a migration that was released is never changed; what comes later is a further number.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from gator_hub.database.dialect import Dialect

SEQ_BITS = 36
"""The place of an event is the number of its store and, in so many bits, its sequence number there."""
_LOCK = 7_268_401
"""Key of the advisory lock under which one hub at a time migrates a PostgreSQL database."""


# {int}, {str}, {float} and {bytes} stand for the types of the database at hand.
_VERSION_1 = (
    """
    CREATE TABLE runs (
        id {int} NOT NULL PRIMARY KEY,
        run {str} NOT NULL UNIQUE,
        root_store {str} NOT NULL,
        owner {str} NOT NULL,
        proven {int} NOT NULL,
        ident {str} NOT NULL,
        user_name {str} NOT NULL,
        host {str} NOT NULL,
        folder {str} NOT NULL,
        version {str} NOT NULL,
        spec {str} NOT NULL,
        seed {int} NOT NULL,
        commit_hash {str} NOT NULL,
        branch {str} NOT NULL,
        dirty {int} NOT NULL,
        labels {str} NOT NULL,
        selection {str} NOT NULL,
        series {str} NOT NULL,
        parent {str} NOT NULL,
        started_unix_nanos {int} NOT NULL,
        ended_unix_nanos {int},
        outcome {int},
        heard_unix_nanos {int} NOT NULL,
        connected {int} NOT NULL,
        pinned {int} NOT NULL,
        deleted {int} NOT NULL
    )
    """,
    "CREATE INDEX runs_by_start ON runs (started_unix_nanos)",
    "CREATE INDEX runs_by_ident ON runs (ident, started_unix_nanos)",
    "CREATE INDEX runs_by_parent ON runs (parent)",
    # Apart from the runs, whose rows change often: a plan can be large.
    "CREATE TABLE descriptions (run {int} NOT NULL PRIMARY KEY, description {bytes} NOT NULL)",
    """
    CREATE TABLE run_labels (
        run {int} NOT NULL,
        name {str} NOT NULL,
        value {str} NOT NULL,
        PRIMARY KEY (run, name)
    )
    """,
    "CREATE INDEX run_labels_by_value ON run_labels (name, value)",
    """
    CREATE TABLE stores (
        id {int} NOT NULL PRIMARY KEY,
        run {int} NOT NULL,
        store {str} NOT NULL,
        states_seq {int} NOT NULL,
        bulk_seq {int} NOT NULL,
        UNIQUE (run, store)
    )
    """,
    """
    CREATE TABLE subjects (
        id {int} NOT NULL PRIMARY KEY,
        run {int} NOT NULL,
        path {str} NOT NULL,
        attempt {int} NOT NULL,
        UNIQUE (run, path, attempt)
    )
    """,
    """
    CREATE TABLE events (
        place {int} NOT NULL PRIMARY KEY,
        subject {int} NOT NULL,
        kind {int} NOT NULL,
        severity {int} NOT NULL,
        time_unix_nanos {int} NOT NULL,
        body {bytes} NOT NULL
    )
    """,
    "CREATE INDEX events_by_subject ON events (subject, kind, place)",
    # Bytes of output of an attempt, before compression; `shed` once its middle was left out.
    """
    CREATE TABLE outputs (
        subject {int} NOT NULL PRIMARY KEY,
        size_bytes {int} NOT NULL,
        shed {int} NOT NULL
    )
    """,
    "CREATE INDEX outputs_by_size ON outputs (shed, size_bytes)",
    """
    CREATE TABLE nodes (
        run {int} NOT NULL,
        path {str} NOT NULL,
        parent {str} NOT NULL,
        template {str} NOT NULL,
        depth {int} NOT NULL,
        state {int} NOT NULL,
        sort {str},
        kind {int},
        children {int},
        jobs {int},
        cores {int},
        memory_bytes {int},
        licenses {str},
        weight {int},
        seed {int},
        allow_failure {int},
        tags {str},
        declared_unix_nanos {int},
        started_unix_nanos {int},
        ended_unix_nanos {int},
        outcome {int},
        reason {int},
        message {str},
        attempts {int},
        debug {int},
        info {int},
        warning {int},
        error {int},
        critical {int},
        wall_nanos {int},
        user_nanos {int},
        system_nanos {int},
        peak_memory_bytes {int},
        peak_processes {int},
        tally {bytes},
        first_error {bytes},
        first_failure {str},
        first_failure_unix_nanos {int},
        signature {str},
        PRIMARY KEY (run, path)
    )
    """,
    "CREATE INDEX nodes_by_parent ON nodes (run, parent, declared_unix_nanos)",
    # Jobs below a node are counted in the index alone.
    "CREATE INDEX nodes_by_sort ON nodes (run, sort, kind, outcome)",
    "CREATE INDEX nodes_by_declared ON nodes (run, declared_unix_nanos, sort)",
    "CREATE INDEX nodes_by_state ON nodes (run, kind, state, outcome)",
    "CREATE INDEX nodes_by_path ON nodes (path, run)",
    "CREATE INDEX nodes_by_signature ON nodes (signature, run) WHERE signature IS NOT NULL",
    """
    CREATE TABLE attempts (
        run {int} NOT NULL,
        path {str} NOT NULL,
        number {int} NOT NULL,
        store {str},
        daemon {str},
        host {str},
        pid {int},
        cores {int},
        started_unix_nanos {int},
        ended_unix_nanos {int},
        outcome {int},
        reason {int},
        message {str},
        exit_code {int},
        signal {int},
        first_seq {int},
        last_seq {int},
        debug {int},
        info {int},
        warning {int},
        error {int},
        critical {int},
        wall_nanos {int},
        user_nanos {int},
        system_nanos {int},
        peak_memory_bytes {int},
        peak_processes {int},
        stdout_lines {int},
        stderr_lines {int},
        dropped_bytes {int},
        longest_silence_nanos {int},
        first_error {bytes},
        signature {str},
        PRIMARY KEY (run, path, number)
    )
    """,
    """
    CREATE TABLE metrics (
        run {int} NOT NULL,
        path {str} NOT NULL,
        name {str} NOT NULL,
        value {float} NOT NULL,
        kind {int} NOT NULL,
        unit {str} NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (run, path, name)
    )
    """,
)

_VERSION_2 = (
    # The longest of a run, as gator.store.catalogue.conditions says it; a node comes in once, at its end.
    """
    CREATE INDEX nodes_by_duration
    ON nodes (run, (coalesce(-nullif(wall_nanos, 0), started_unix_nanos - ended_unix_nanos, 1)), sort)
    WHERE ended_unix_nanos IS NOT NULL
    """,
)

MIGRATIONS: tuple[Sequence[str], ...] = (_VERSION_1, _VERSION_2)
VERSION = len(MIGRATIONS)
"""The version that this hub writes."""

_SUPPOSED = (
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
    ("nodes", "nodes_by_signature", "20000 100 10"),
    ("nodes", "nodes_by_duration", "900000 9000 2 1"),
    ("attempts", "sqlite_autoindex_attempts_1", "1000000 10000 1 1"),
    ("metrics", "sqlite_autoindex_metrics_1", "1000000 10000 5 1"),
)
"""What a middling hub holds: the rows in an index, and how many are alike in the first column, in two, and so
on."""

_TYPES = {
    Dialect.SQLITE: {"int": "INTEGER", "str": "TEXT", "float": "REAL", "bytes": "BLOB"},
    # Texts are compared byte by byte, as SQLite does.
    Dialect.POSTGRES: {
        "int": "BIGINT",
        "str": 'TEXT COLLATE "C"',
        "float": "DOUBLE PRECISION",
        "bytes": "BYTEA",
    },
}


class Migrated(Protocol):
    """What a database has to offer to get its tables."""

    dialect: Dialect

    def execute(self, sql: str, values: Sequence[object] = ...) -> Any:
        """The cursor of a statement, on this thread's connection."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """One transaction that writes, on this thread's connection."""
        ...


def migrate(database: Migrated) -> None:
    """Bring a record to the newest version, in one transaction; hubs that start at once take turns.

    It was looked at before: see `wholeness`.
    """
    with database.transaction():
        if database.dialect is Dialect.POSTGRES:
            database.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        database.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        found = database.execute("SELECT version FROM schema_version").fetchall()
        version = found[0][0] if found else 0
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                database.execute(statement.format(**_TYPES[database.dialect]))
        if database.dialect is Dialect.SQLITE and version < VERSION:
            _suppose(database)
        if not found:
            database.execute("INSERT INTO schema_version (version) VALUES (?)", (VERSION,))
        elif version < VERSION:
            database.execute("UPDATE schema_version SET version = ?", (VERSION,))


def _suppose(database: Migrated) -> None:
    """Tell SQLite what a hub holds: it never counts by itself, and then takes wrong indexes in large runs."""
    database.execute("ANALYZE sqlite_master")
    database.execute("DELETE FROM sqlite_stat1")
    for row in _SUPPOSED:
        database.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
    # Only this has it read what was written.
    database.execute("ANALYZE sqlite_master")
