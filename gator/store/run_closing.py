"""What a dead run lacks, computed: its catalogue brought up to its stores, and the missing Results.

The rule: all of it lives in tables of the reader's own connection; whoever looks changes nothing.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from gator.store.catalogue import KINDS, Changes
from gator.store.reader import Reader
from gator.store.rows import AttemptRow, MetricRow, NodeRow, columns_of, upsert_sql
from gator.store.run_files import RunFiles
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

_ENDED = int(query_pb2.NODE_STATE_ENDED)
_JOB = int(common_pb2.NODE_KIND_JOB)
_PASSED, _FAILED = int(common_pb2.OUTCOME_PASSED), int(common_pb2.OUTCOME_FAILED)
_PRUNED, _CANCELLED = int(common_pb2.OUTCOME_PRUNED), int(common_pb2.OUTCOME_CANCELLED)
_LOST = int(common_pb2.OUTCOME_LOST)
_KEYS = {"nodes": "path", "attempts": "path, number", "metrics": "path, name"}
_NAMES = {
    _PASSED: "passed",
    _FAILED: "failed",
    _PRUNED: "pruned",
    _CANCELLED: "cancelled",
    _LOST: "lost",
}
MESSAGE = "the run died before this ended: run it again"


def complete(files: RunFiles) -> bool:
    """Bring the catalogue up to date; whether Results were missing and are computed."""
    connection = files.connection
    if connection is None:
        return False
    changes = Changes()
    known: dict[str, int] = dict(files.root.query("SELECT store, seq FROM positions"))
    for store, reader in files.readers().items():
        if reader is not files.root:
            changes.take(store, _newer(reader, known.get(store, 0)))
    if changes.nodes or changes.attempts or changes.metrics:
        _shadow(connection)
        _join(connection, changes)
    ((missing,),) = connection.execute(
        "SELECT count(*) FROM nodes WHERE state != ? AND declared_unix_nanos IS NOT NULL", (_ENDED,)
    )
    if missing:
        _shadow(connection)
        _close(connection)
    return bool(missing)


def _newer(reader: Reader, after: int) -> Iterator[event_pb2.Event]:
    wanted = attach_pb2.EventFilter(kinds=KINDS)
    while True:
        part = reader.events(after, wanted)
        yield from part.events
        if part.through <= after:
            return
        after = part.through


def _shadow(connection: sqlite3.Connection) -> None:
    """Tables of the connection's own that stand before those of the file."""
    if connection.execute("SELECT 1 FROM temp.sqlite_master WHERE name = 'nodes'").fetchone():
        return
    # The file stays as it is: it was opened for reading only.
    connection.execute("PRAGMA query_only = OFF")
    for table, key in _KEYS.items():
        (sql,) = connection.execute(
            "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?", (table,)
        ).fetchone()
        connection.execute(sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
        connection.execute(f"INSERT INTO temp.{table} SELECT * FROM main.{table} ORDER BY {key}")  # noqa: S608
    connection.execute("CREATE INDEX temp.nodes_by_parent ON nodes (parent, declared_unix_nanos)")
    connection.execute("CREATE INDEX temp.nodes_by_sort ON nodes (sort)")


def _join(connection: sqlite3.Connection, changes: Changes) -> None:
    _upsert(connection, "nodes", NodeRow, changes.nodes.values())
    _upsert(connection, "attempts", AttemptRow, changes.attempts.values())
    _upsert(connection, "metrics", MetricRow, changes.metrics.values())


def _upsert(connection: sqlite3.Connection, table: str, row: Any, rows: Iterable[Any]) -> None:
    names = columns_of(row)
    before, after = upsert_sql(table, row)
    marks = ", ".join("?" * len(names))
    connection.executemany(
        f"{before} ({marks}) {after}", [[getattr(one, name) for name in names] for one in rows]
    )


def _close(connection: sqlite3.Connection) -> None:
    """Give every node without a Result the one that the owner of the run would write."""
    connection.execute(
        "UPDATE nodes SET state = ?, outcome = ?, reason = ?, message = ?"
        " WHERE state != ? AND kind = ? AND declared_unix_nanos IS NOT NULL",
        (_ENDED, _LOST, int(common_pb2.REASON_RUN_DIED), MESSAGE, _ENDED, _JOB),
    )
    groups = connection.execute(
        "SELECT path, jobs FROM nodes WHERE state != ? AND declared_unix_nanos IS NOT NULL"
        " ORDER BY depth DESC",
        (_ENDED,),
    ).fetchall()
    for path, jobs in groups:
        _close_group(connection, path, jobs or 0)


def _close_group(connection: sqlite3.Connection, path: str, jobs: int) -> None:
    children = connection.execute(
        "SELECT path, kind, outcome, allow_failure, tally, first_failure FROM nodes WHERE parent = ?"
        " ORDER BY declared_unix_nanos, sort",
        (path,),
    ).fetchall()
    tally = event_pb2.Tally()
    first = ""
    failed = False
    for child, kind, outcome, allow_failure, counted, first_below in children:
        below = event_pb2.Tally()
        if counted:
            below.ParseFromString(counted)
        elif kind == _JOB:
            setattr(below, _NAMES[outcome], 1)
        for name in _NAMES.values():
            setattr(tally, name, getattr(tally, name) + getattr(below, name))
        if not first and outcome in (_FAILED, _LOST):
            first = first_below or child
        failed = failed or (outcome == _FAILED and not allow_failure)
    tally.waiting = max(jobs - sum(int(getattr(tally, name)) for name in _NAMES.values()), 0)
    # Something below has not ended, so the group cannot have passed.
    connection.execute(
        "UPDATE nodes SET state = ?, outcome = ?, reason = ?, message = ?, tally = ?, first_failure = ?"
        " WHERE path = ?",
        (
            _ENDED,
            _FAILED if failed else _LOST,
            int(common_pb2.REASON_RUN_DIED),
            MESSAGE,
            tally.SerializeToString(),
            first,
            path,
        ),
    )
