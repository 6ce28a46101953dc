"""Finds and lists the runs of the hub.

Rule: a run that is being removed is not there any more.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from gator.core.history.series import key_of
from gator.errors import NotFoundError, UsageError
from gator.query import Queries
from gator.query.budget import Budget
from gator.store.catalogue.conditions import Condition
from gator.store.catalogue.messages import NODE_NAMES, node_of, result_of, tally_of_job
from gator.store.catalogue.reader import CatalogueReader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database
from gator_hub.database.statements import label
from gator_hub.queries.reader import HubReader
from gator_hub.queries.run_rows import RUN_COLUMNS, rows_of_runs, run_of

_MAX_KEPT = 256
_MIN_PREFIX = 4
"""Fewer digits of an id name no run."""
_AFTER_HEX = "g"
"""The character after the last digit."""
_LISTED = 5
_PIECE = 200
_MAX_BYTES = 1024 * 1024
"""A list of runs ends with the piece with which it has so many bytes."""

Place = list[int]
"""Start and number of a run: lists go on after it."""


class OpenRuns:
    """What is asked of runs, by their names. What was asked of last is kept, with what it knows."""

    def __init__(self, database: Database, budget: Budget | None = None) -> None:
        """`budget` bounds the time of a search."""
        self._database = database
        self._budget = budget or Budget(time.monotonic)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], Queries] = OrderedDict()

    def queries(self, name: str) -> Queries:
        """The answers about a run. Raises NotFoundError, or UsageError where the name means several."""
        key = _find(self._database, name)
        with self._lock:
            # The number of a run that was removed may be another's by now, so the id is a part of the key.
            queries = self._kept.get(key)
            if queries is None:
                queries = self._kept[key] = Queries(HubReader(self._database, key[0]), self._budget)
            self._kept.move_to_end(key)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
            return queries


def find_run(database: Database, name: str) -> int:
    """Returns the number of the run with a name.

    That is the run with this id; else the newest one with this ident, preferably of the whole spec, and a
    repeat only if there is nothing else; else the one whose id has this prefix. An empty name means the only
    run. Raises NotFoundError, or UsageError if the name is ambiguous.
    """
    return _find(database, name)[0]


def _find(database: Database, name: str) -> tuple[int, str]:
    if not name:
        return _only(database)
    found = database.query("SELECT id, run FROM runs WHERE run = ? AND deleted = 0", (name,))
    if not found:
        found = database.query(
            "SELECT id, run FROM runs WHERE ident = ? AND deleted = 0"
            " ORDER BY CASE WHEN parent <> '' THEN 2 WHEN series <> '' THEN 1 ELSE 0 END,"
            " started_unix_nanos DESC, id DESC LIMIT 1",
            (name,),
        )
    if not found and _is_prefix(name):
        found = database.query(
            "SELECT id, run FROM runs WHERE run >= ? AND run < ? AND deleted = 0 ORDER BY run LIMIT ?",
            (name, name + _AFTER_HEX, _LISTED + 1),
        )
    if len(found) > 1:
        shown = ", ".join(run for _, run in found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
        raise UsageError(f"several runs have ids that begin with {name}: {shown}; give more of it")
    if not found:
        raise NotFoundError(f"there is no run {name!r} here: gator runs -r hub: lists those of the hub")
    return found[0]


def _only(database: Database) -> tuple[int, str]:
    found = database.query("SELECT id, run FROM runs WHERE deleted = 0 LIMIT 2")
    if len(found) > 1:
        raise UsageError("there are many runs here: name one by its id, or an ident for its newest run")
    if not found:
        raise NotFoundError("there is no run here yet: bring one in with gator run SPEC --hub ADDRESS")
    return found[0]


def _is_prefix(name: str) -> bool:
    return len(name) >= _MIN_PREFIX and all(letter in "0123456789abcdef" for letter in name)


def list_runs(
    database: Database, wanted: hs.ListRunsRequest, after: Place | None, limit: int
) -> tuple[list[query_pb2.Run], Place | None]:
    """At most `limit` runs that pass, the newest first, and where to go on; fewer where they say much.

    Their command lines and metrics are left out.
    """
    found: list[query_pb2.Run] = []
    size = 0
    while size < _MAX_BYTES:
        piece = min(limit - len(found), _PIECE)
        runs, after = _list_piece(database, wanted, after, piece)
        found += runs
        size += sum(run.ByteSize() for run in runs)
        if after is None or len(found) == limit:
            break
    return found, after


def _list_piece(
    database: Database, wanted: hs.ListRunsRequest, after: Place | None, limit: int
) -> tuple[list[query_pb2.Run], Place | None]:
    where = _where(wanted)
    if after:
        where.add("(r.started_unix_nanos, r.id) < (?, ?)", *after)
    rows = database.query(
        f"SELECT {RUN_COLUMNS}, r.id FROM runs AS r WHERE {where.text}"  # noqa: S608 - constants
        " ORDER BY r.started_unix_nanos DESC, r.id DESC LIMIT ?",
        [*where.values, limit],
    )
    runs = {number: run_of(row) for *row, number in rows}
    for number, node in _roots(database, list(runs)).items():
        _add_root(database, number, runs[number], node)
    found = list(runs.values())
    at = [found[-1].started_unix_nanos, rows[-1][-1]] if len(rows) == limit else None
    return found, at


def _roots(database: Database, runs: Sequence[int]) -> dict[int, query_pb2.Node]:
    """The roots of runs, by the numbers of the runs; the jobs of those that go on are not counted."""
    columns = ", ".join(f"n.{name}" for name in NODE_NAMES)
    join = "JOIN nodes AS n ON n.run = r.id AND n.path = r.ident"
    rows = rows_of_runs(database, runs, columns, join)
    return {number: node_of(dict(zip(NODE_NAMES, row, strict=True))) for number, (*row,) in rows.items()}


def _add_root(database: Database, number: int, run: query_pb2.Run, node: query_pb2.Node) -> None:
    if node.state != query_pb2.NODE_STATE_ENDED:
        going = CatalogueReader(database.query, number).node(run.ident)
        if going is not None:
            run.tally.CopyFrom(going.tally)
        return
    if node.kind == common_pb2.NODE_KIND_JOB:
        node.tally.CopyFrom(tally_of_job(node))
    run.tally.CopyFrom(node.tally)
    run.result.CopyFrom(result_of(node, []))


def _where(wanted: hs.ListRunsRequest) -> Condition:
    where = Condition().add("r.deleted = 0")
    for column, text in (("r.ident", wanted.ident), ("r.user_name", wanted.user)):
        if text:
            where.add(f"{column} = ?", text)
    if wanted.HasField("selection"):
        where.add("r.series = ?", key_of(wanted.selection)).add("r.parent = ''")
    if wanted.no_repeats:
        where.add("r.parent = ''")
    if wanted.parent:
        where.add(f"r.run IN ({_REPEATS})", wanted.parent)
    where.numbers("r.outcome", wanted.outcomes)
    states: list[str] = [_STATES[state] for state in wanted.states if state in _STATES]
    if wanted.states:
        where.add(f"({' OR '.join(states)})" if states else "1 = 0")
    for name, value in sorted(wanted.labels.items()):
        where.add("r.id IN (SELECT run FROM run_labels WHERE name = ? AND value = ?)", *label(name, value))
    if wanted.from_unix_nanos:
        where.add("r.started_unix_nanos >= ?", wanted.from_unix_nanos)
    if wanted.until_unix_nanos:
        where.add("r.started_unix_nanos < ?", wanted.until_unix_nanos)
    if wanted.name:
        name = wanted.name
        if _is_prefix(name):
            where.add("(r.ident = ? OR (r.run >= ? AND r.run < ?))", name, name, name + _AFTER_HEX)
        else:
            where.add("(r.ident = ? OR r.run = ?)", name, name)
    return where


# All direct and indirect repeats of a run; UNION drops duplicates, so cycles end.
_REPEATS = """
WITH RECURSIVE repeats (run) AS (
    SELECT c.run FROM runs AS c WHERE c.parent = ? AND c.deleted = 0
    UNION
    SELECT c.run FROM runs AS c JOIN repeats AS p ON c.parent = p.run WHERE c.deleted = 0
)
SELECT run FROM repeats
"""

_STATES = {
    query_pb2.RUN_STATE_UNSPECIFIED: "(r.ended_unix_nanos IS NULL AND r.connected = 0)",
    query_pb2.RUN_STATE_RUNNING: "(r.ended_unix_nanos IS NULL AND r.connected = 1)",
    query_pb2.RUN_STATE_ENDED: "r.ended_unix_nanos IS NOT NULL",
}
