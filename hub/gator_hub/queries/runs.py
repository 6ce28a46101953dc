"""Finds and lists the runs of the hub.

Invariant: a run that is being removed is not visible.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from typing import Any

import peewee as pw

from gator.core.history.series import key_of
from gator.errors import NotFoundError, UsageError
from gator.query import Queries
from gator.query.budget import Budget
from gator.store.catalogue.messages import NODE_NAMES, node_of, result_of, tally_of_job
from gator.v1 import common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database
from gator_hub.database.models import Model
from gator_hub.database.statements import indexed_label
from gator_hub.queries.own_signatures import HubCatalogue
from gator_hub.queries.reader import HubReader
from gator_hub.queries.reruns import passed_reruns, reruns_query
from gator_hub.queries.run_rows import RUN_NAMES, fields_of, run_of

_MAX_KEPT = 256
_MIN_PREFIX = 4
"""Minimum number of digits of a prefix of an id that names a run."""
_AFTER_HEX = "g"
"""The character after the last hexadecimal digit."""
_MAX_NAMED = 5
"""Maximum number of runs that an error names."""
_PIECE = 200
_MAX_BYTES = 1024 * 1024
"""Size in bytes at which a list of runs ends. The piece of runs that reaches it is complete."""

PageKey = list[int | str]
"""Sort key and number of the last run of a page. The next page begins after it."""

TEXT_ORDERS = (hs.RUN_ORDER_IDENT, hs.RUN_ORDER_USER)
"""The orders by texts, which ascend."""


class OpenRuns:
    """The queries of runs by their names. Those of recently used runs are cached."""

    def __init__(self, database: Database, budget: Budget | None = None) -> None:
        """Creates queries with a `budget` that limits the time of a search."""
        self._database = database
        self._budget = budget or Budget(time.monotonic)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], Queries] = OrderedDict()

    def queries(self, name: str) -> Queries:
        """Returns the queries of a run. Raises NotFoundError, or UsageError if the name is ambiguous."""
        key = _find(self._database, name)
        with self._lock:
            # The number of a removed run may be that of another one by now, so the id is a part of the key.
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
    rerun only if there is nothing else; else the one whose id has this prefix. An empty name means the only
    run. Raises NotFoundError, or UsageError if the name is ambiguous.
    """
    return _find(database, name)[0]


def _find(database: Database, name: str) -> tuple[int, str]:
    if not name:
        return _only(database)
    runs = database.models.runs
    query = runs.select(runs.id, runs.run).where(runs.deleted == 0)
    rows = database.rows(query.where(runs.run == name))
    if not rows:
        rank = pw.Case(None, ((runs.parent != "", 2), (runs.series != "", 1)), 0)
        newest = query.where(runs.ident == name).order_by(
            rank, runs.started_unix_nanos.desc(), runs.id.desc()
        )
        rows = database.rows(newest.limit(1))
    if not rows and _is_prefix(name):
        rows = database.rows(query.where(_begins_with(runs, name)).order_by(runs.run).limit(_MAX_NAMED + 1))
    if len(rows) > 1:
        shown = ", ".join(run for _, run in rows[:_MAX_NAMED]) + (", …" if len(rows) > _MAX_NAMED else "")
        raise UsageError(f"several runs have ids that begin with {name}: {shown}: use a longer prefix")
    if not rows:
        raise NotFoundError(f"there is no run {name!r} here: see `gator runs -r hub:`")
    return rows[0]


def _only(database: Database) -> tuple[int, str]:
    runs = database.models.runs
    rows = database.rows(runs.select(runs.id, runs.run).where(runs.deleted == 0).limit(2))
    if len(rows) > 1:
        raise UsageError("the hub has several runs: specify an id, or an ident for its newest run")
    if not rows:
        raise NotFoundError("there is no run here yet: upload one with gator run SPEC --hub ADDRESS")
    return rows[0]


def _begins_with(runs: Model, prefix: str) -> Any:
    return (runs.run >= prefix) & (runs.run < prefix + _AFTER_HEX)


def _is_prefix(name: str) -> bool:
    return len(name) >= _MIN_PREFIX and all(letter in "0123456789abcdef" for letter in name)


def list_runs(
    database: Database, request: hs.ListRunsRequest, after: PageKey | None, limit: int
) -> tuple[list[query_pb2.Run], PageKey | None]:
    """Returns at most `limit` matching runs in the order of the request, and the place of the next page.

    Returns fewer if they are large, and None as the place at the end. Command lines and metrics are left out.
    """
    listed: list[query_pb2.Run] = []
    size = 0
    while size < _MAX_BYTES:
        piece = min(limit - len(listed), _PIECE)
        runs, after = _list_piece(database, request, after, piece)
        listed += runs
        size += sum(run.ByteSize() for run in runs)
        if after is None or len(listed) == limit:
            break
    return listed, after


def _list_piece(
    database: Database, request: hs.ListRunsRequest, after: PageKey | None, limit: int
) -> tuple[list[query_pb2.Run], PageKey | None]:
    model = database.models.runs
    key, is_ascending = _sort_key(model, request.order), request.order in TEXT_ORDERS
    query = model.select(*fields_of(model, RUN_NAMES), key, model.id).where(*_conditions(database, request))
    if after and is_ascending:
        query = query.where((key > after[0]) | ((key == after[0]) & (model.id < after[1])))
    elif after:
        query = query.where(pw.Tuple(key, model.id) < tuple(after))
    order = key.asc() if is_ascending else key.desc()
    rows = database.rows(query.order_by(order, model.id.desc()).limit(limit))
    runs = {number: run_of(row) for *row, _, number in rows}
    for number, node in _roots(database, list(runs)).items():
        _add_root(database, number, runs[number], node)
    for number, rerun in passed_reruns(database, runs).items():
        runs[number].passed_in = rerun
    listed = list(runs.values())
    return listed, list(rows[-1][-2:]) if len(rows) == limit else None


def _sort_key(runs: Model, order: hs.RunOrder.ValueType) -> Any:
    """Returns what runs are sorted by. Raises UsageError for an unknown order."""
    match order:
        case hs.RUN_ORDER_UNSPECIFIED | hs.RUN_ORDER_STARTED:
            return runs.started_unix_nanos
        case hs.RUN_ORDER_DURATION:
            end = pw.fn.COALESCE(runs.ended_unix_nanos, runs.last_seen_unix_nanos)
            return end - runs.started_unix_nanos
        case hs.RUN_ORDER_IDENT:
            return runs.ident
        case hs.RUN_ORDER_USER:
            return runs.user_name
        case _:
            raise UsageError(f"there is no order {order} of runs")


def _roots(database: Database, numbers: Sequence[int]) -> dict[int, query_pb2.Node]:
    """Returns the roots of runs by the numbers of the runs, without tallies of those that have not ended."""
    runs, nodes = database.models.runs, database.models.nodes
    query = (
        runs.select(runs.id, *fields_of(nodes, NODE_NAMES))
        .join(nodes, on=(nodes.run == runs.id) & (nodes.path == runs.ident))
        .where(runs.id.in_(numbers), runs.deleted == 0)
    )
    return {number: node_of(values) for number, *values in database.rows(query)}


def _add_root(database: Database, number: int, run: query_pb2.Run, node: query_pb2.Node) -> None:
    if node.state != query_pb2.NODE_STATE_ENDED:
        going = HubCatalogue(database.query, number).node(run.ident)
        if going is not None:
            run.tally.CopyFrom(going.tally)
        return
    if node.kind == common_pb2.NODE_KIND_JOB:
        node.tally.CopyFrom(tally_of_job(node))
    run.tally.CopyFrom(node.tally)
    run.result.CopyFrom(result_of(node, []))


def _conditions(database: Database, request: hs.ListRunsRequest) -> list[Any]:
    runs, labels = database.models.runs, database.models.run_labels
    conditions: list[Any] = [runs.deleted == 0]
    if request.ident:
        conditions.append(runs.ident == request.ident)
    if request.user:
        conditions.append(runs.user_name == request.user)
    if request.HasField("selection"):
        conditions += [runs.series == key_of(request.selection), runs.parent == ""]
    if request.no_repeats:
        conditions.append(runs.parent == "")
    if request.parent:
        conditions.append(runs.run.in_(reruns_query(runs, request.parent)))
    if request.outcomes:
        conditions.append(runs.outcome.in_(list(request.outcomes)))
    if request.states:
        conditions.append(
            reduce(
                lambda condition, other: condition | other,
                (_in_state(runs, state) for state in request.states),
            )
        )
    for name, value in sorted(request.labels.items()):
        key, kept = indexed_label(name, value)
        labelled = labels.select(labels.run).where(labels.name == key, labels.value == kept)
        conditions.append(runs.id.in_(labelled))
    if request.from_unix_nanos:
        conditions.append(runs.started_unix_nanos >= request.from_unix_nanos)
    if request.until_unix_nanos:
        conditions.append(runs.started_unix_nanos < request.until_unix_nanos)
    if request.name:
        by_id = _begins_with(runs, request.name) if _is_prefix(request.name) else runs.run == request.name
        conditions.append((runs.ident == request.name) | by_id)
    return conditions


def _in_state(runs: Model, state: int) -> Any:
    goes_on = runs.ended_unix_nanos.is_null()
    match state:
        case query_pb2.RUN_STATE_UNSPECIFIED:
            return goes_on & (runs.connected == 0)
        case query_pb2.RUN_STATE_RUNNING:
            return goes_on & (runs.connected == 1)
        case query_pb2.RUN_STATE_ENDED:
            return runs.ended_unix_nanos.is_null(False)
        case _:
            # No run of a hub has any other state.
            return runs.id < 0
