"""Completes a dead run: brings its catalogue up to its stores, and computes the missing Results.

Invariant: all of it is in temporary tables of the reader's own connection, and nothing is changed. What is
computed depends only on the stores, so all readers compute the same.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from gator.core.tree.outcomes.group_result import GroupFold
from gator.core.tree.outcomes.results import complete as complete_result
from gator.core.tree.outcomes.results import lost, result_of_end
from gator.errors import StoreError
from gator.event_kinds import LIFECYCLE_KINDS
from gator.store.catalogue import messages, upsert
from gator.store.catalogue.changes import Changes
from gator.store.catalogue.columns import CATALOGUE, NODES
from gator.store.catalogue.ddl import create_index, create_table
from gator.store.reader import StoreReader
from gator.store.run.stores import RunStores
from gator.store.untrusted import ODD_VALUE, damaged
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

_ENDED = int(query_pb2.NODE_STATE_ENDED)
_JOB = int(common_pb2.NODE_KIND_JOB)
_NODE_COLUMNS = ", ".join(messages.NODE_NAMES)
_FINISHED = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_ATTEMPT_FINISHED])
_ERRORS = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_LOG], severity=common_pb2.SEVERITY_ERROR)
_LIFECYCLE = attach_pb2.EventFilter(kinds=LIFECYCLE_KINDS)
_PIECE = 1000
_MESSAGE = "the run died before this ended: run it again"


def _message(stores: RunStores) -> str:
    """Returns why a node has no end, with the host of the root process. Signatures are made without it."""
    host = stores.root.info.host
    return f"the run died on {host} before this ended: run it again" if host else _MESSAGE


def catch_up(stores: RunStores) -> int:
    """Adds newer events of the other stores to the catalogue; the folder must have no writer.

    Returns the time of the last event of the run, in nanoseconds since 1970. Raises StoreError if a
    store cannot be read or written.
    """
    if stores.root.connection is None:
        return 0
    try:
        _catch_up(stores, stores.root.connection)
        return max(map(_last_sign, stores.readers().values()))
    except sqlite3.Error as error:
        raise StoreError(f"{stores.root.path} cannot be completed: {error}") from error
    except ODD_VALUE as error:
        raise damaged(stores.root.path, error) from error


def complete(stores: RunStores) -> Sequence[event_pb2.Event]:
    """Adds the missing events and Results to the catalogue of a run whose root is not alive.

    Returns the Results that were never written, the deepest nodes first.
    Raises StoreError if a store cannot be read or written.
    """
    if stores.root.connection is None:
        return ()
    try:
        return _complete(stores, stores.root.connection)
    except sqlite3.Error as error:
        raise StoreError(f"{stores.root.path} cannot be completed: {error}") from error
    except ODD_VALUE as error:
        raise damaged(stores.root.path, error) from error


def _catch_up(stores: RunStores, connection: sqlite3.Connection) -> None:
    changes = Changes()
    known: dict[str, int] = dict(stores.root.query("SELECT store, seq FROM positions"))
    for store, reader in stores.readers().items():
        if reader is not stores.root:
            for part in reader.slices(_LIFECYCLE, known.get(store, 0)):
                changes.take(store, part.events)
    if changes.nodes or changes.attempts or changes.metrics:
        _shadow(connection)
        _join(connection, changes)


def _complete(stores: RunStores, connection: sqlite3.Connection) -> Sequence[event_pb2.Event]:
    _catch_up(stores, connection)
    missing = stores.root.query(
        f"SELECT {_NODE_COLUMNS} FROM nodes"  # noqa: S608 - constant
        " WHERE state != ? AND declared_unix_nanos IS NOT NULL ORDER BY kind != ?, depth DESC, sort",
        (_ENDED, _JOB),
    )
    if not missing:
        return ()
    _shadow(connection)
    at = max(map(_last_sign, stores.readers().values()))
    results: list[event_pb2.Event] = []
    for row in missing:
        node = messages.node_of(row)
        result = _of_job(stores, node, at) if node.kind == _JOB else _of_group(stores, node, row[-1], at)
        event = event_pb2.Event(path=node.path, time_unix_nanos=at, result=result)
        closed = Changes()
        closed.take("", [event])
        # At once, for the group above is folded from what stands in the table.
        _join(connection, closed)
        results.append(event)
    return results


def _shadow(connection: sqlite3.Connection) -> None:
    """Tables of the connection's own that stand before those of the file."""
    made = "SELECT 1 FROM temp.sqlite_master WHERE type = 'table' AND name = 'nodes'"
    if connection.execute(made).fetchone():
        return
    # The file stays as it is: it was opened for reading only.
    connection.execute("PRAGMA query_only = OFF")
    for table in CATALOGUE:
        # Created by our own statements: SQL in the file is untrusted.
        connection.execute(create_table(table, temporary=True))
        columns, key = ", ".join(table.names), ", ".join(table.key)
        connection.execute(
            f"INSERT INTO temp.{table.name} ({columns})"  # noqa: S608 - constant
            f" SELECT {columns} FROM main.{table.name} ORDER BY {key}"
        )
    for name in ("nodes_by_parent", "nodes_by_sort"):
        connection.execute(create_index(NODES, name, temporary=True))


def _join(connection: sqlite3.Connection, changes: Changes) -> None:
    upsert.UPSERT_NODES.run(connection, changes.nodes.values())
    upsert.UPSERT_ATTEMPTS.run(connection, changes.attempts.values())
    upsert.UPSERT_METRICS.run(connection, changes.metrics.values())


def _last_sign(reader: StoreReader) -> int:
    """Returns the time of the last event of a store; 0 if it has none."""
    rows = reader.query("SELECT time_unix_nanos FROM events ORDER BY seq DESC LIMIT 1")
    return rows[0][0] if rows else 0


def _of_job(stores: RunStores, node: query_pb2.Node, at: int) -> event_pb2.Result:
    """Returns the Result of the last attempt if it has ended; else the job was lost with the run."""
    path = node.path
    end: event_pb2.AttemptFinished | None = None
    reader: StoreReader | None = None
    rows = stores.root.query(
        "SELECT number, store, outcome FROM attempts WHERE path = ? ORDER BY number DESC LIMIT 1", (path,)
    )
    number = 0
    if rows:
        number, store, outcome = rows[0]
        reader = stores.reader(store)
        if outcome is not None and reader is not None:
            ends = reader.read(0, _FINISHED, path=path, attempt=number).events
            end = ends[-1].attempt_finished if ends else None
    if end is None:
        end = lost(_MESSAGE, common_pb2.REASON_RUN_DIED)
        end.message = _message(stores)
        if reader is not None:
            _add_first_error(end, reader, path, number)
    result = result_of_end(end, number)
    complete_result(result, common_pb2.NODE_KIND_JOB, path, allow_failure=node.allow_failure, now=at)
    return result


def _add_first_error(end: event_pb2.AttemptFinished, reader: StoreReader, path: str, attempt: int) -> None:
    """Adds the first error that a job reported before its run died.

    It is not the reason why the job was lost, so its signature stays that of the run's death.
    """
    errors = reader.read(0, _ERRORS, 1, path=path, attempt=attempt).events
    if errors:
        log = errors[0].log
        end.first_error.MergeFrom(
            event_pb2.ErrorMessage(
                severity=log.severity,
                text=log.text,
                stream=log.stream,
                line=log.line,
                file=log.file,
                file_line=log.file_line,
                parser=log.parser,
                code=log.code,
            )
        )


def _of_group(stores: RunStores, node: query_pb2.Node, jobs: int | None, at: int) -> event_pb2.Result:
    """Returns the Result folded from the children. Some may never have been handed out."""
    fold = GroupFold()
    children = longest = 0
    lost_with_the_run = False
    for child in _children(stores, node.path):
        result = messages.result_of(child, _metrics(stores, child.path))
        if child.kind == _JOB:
            result.jobs.CopyFrom(messages.tally_of_job(child))
        fold.add(child.path, result)
        children += 1
        longest = max(longest, result.usage.wall_nanos)
        lost_with_the_run = lost_with_the_run or result.reason == common_pb2.REASON_RUN_DIED
    # Only the times of attempts were measured by a steady clock. The difference of the times since 1970 is
    # too small if the clock was set back; no group takes less time than what it contains.
    passed = at - node.started_unix_nanos if node.started_unix_nanos else 0
    result = fold.finish(wall_nanos=max(passed, longest), allow_failure=node.allow_failure)
    result.jobs.waiting = max((jobs or 0) - _ended_jobs(result.jobs), 0)
    incomplete = children < node.children
    if result.outcome != common_pb2.OUTCOME_FAILED and (incomplete or lost_with_the_run):
        result.outcome = common_pb2.OUTCOME_LOST
        result.reason, result.message = common_pb2.REASON_RUN_DIED, _message(stores)
        result.first_failure_unix_nanos = result.first_failure_unix_nanos or at
    return result


def _children(stores: RunStores, path: str) -> Iterator[query_pb2.Node]:
    """Yields the declared children in the order of their ends."""
    where = "parent = ? AND declared_unix_nanos IS NOT NULL"
    sort_key: tuple[int, str] = (-1, "")
    while True:
        rows = stores.root.query(
            f"SELECT {_NODE_COLUMNS} FROM nodes WHERE {where}"  # noqa: S608 - constant
            " AND (ended_unix_nanos, sort) > (?, ?) ORDER BY ended_unix_nanos, sort LIMIT ?",
            (path, *sort_key, _PIECE),
        )
        for row in rows:
            node = messages.node_of(row)
            sort_key = node.ended_unix_nanos, row[-2]
            yield node
        if len(rows) < _PIECE:
            return


def _metrics(stores: RunStores, path: str) -> list[event_pb2.MetricTotal]:
    columns = ", ".join(messages.METRIC_NAMES)
    rows = stores.root.query(f"SELECT {columns} FROM metrics WHERE path = ? ORDER BY name", (path,))  # noqa: S608
    return [messages.metric_of(row) for row in rows]


def _ended_jobs(tally: event_pb2.Tally) -> int:
    return tally.passed + tally.failed + tally.pruned + tally.cancelled + tally.lost
