"""Turns events into changes of the catalogue, with one pure function for live runs and replays.

Invariant: what it makes of a set of stores does not depend on the order in which they are read.
"""

from collections.abc import Callable, Iterable
from math import isnan

from gator.node_paths import MAX_PATH_BYTES, key_of_path, parent_of, template_of
from gator.spec.metric_names import is_metric_name
from gator.store.catalogue.columns import ATTEMPTS, NODES
from gator.store.catalogue.fields import PayloadFields, Row, blob
from gator.v1 import event_pb2, query_pb2

_WAITING = int(query_pb2.NODE_STATE_WAITING)
_RUNNING = int(query_pb2.NODE_STATE_RUNNING)
_ENDED = int(query_pb2.NODE_STATE_ENDED)

_DECLARED = PayloadFields(NODES, "declared")
_RESULT = PayloadFields(NODES, "result")
_STARTED = PayloadFields(ATTEMPTS, "started")
_FINISHED = PayloadFields(ATTEMPTS, "attempt_finished")


class Changes:
    """Rows to be merged into the catalogue. All changes of one row are one row."""

    __slots__ = ("attempts", "metrics", "nodes", "refused_metric", "refused_metrics")

    def __init__(self) -> None:
        self.nodes: dict[str, Row] = {}
        self.attempts: dict[tuple[str, int], Row] = {}
        self.metrics: dict[tuple[str, str], Row] = {}
        self.refused_metric: tuple[str, str] | None = None
        """Path and name of the first metric that is left out because of its name."""
        self.refused_metrics = 0
        """Number of metrics that are left out because of their names."""

    def take(self, store: str, events: Iterable[event_pb2.Event]) -> None:
        """Adds what events of a store change. They must be in their order."""
        for event in events:
            handle = _HANDLERS.get(event.WhichOneof("payload") or "")
            if handle is not None:
                handle(self, store, event)

    def node(self, path: str, state: int) -> Row:
        """Returns the change of a node that is at least in `state`."""
        row = self.nodes.get(path)
        if row is None:
            row = self.nodes[path] = {
                "path": path,
                "parent": parent_of(path),
                "template": template_of(path),
                "depth": path.count("/"),
                "state": state,
            }
        elif row["state"] < state:
            row["state"] = state
        return row

    def attempt(self, event: event_pb2.Event, store: str) -> Row:
        """Returns the change of the attempt that an event is about."""
        path, number, seq = event.path, event.attempt, event.seq
        row = self.attempts.get((path, number))
        if row is None:
            row = self.attempts[path, number] = {
                "path": path,
                "number": number,
                "first_seq": seq,
                "last_seq": seq,
            }
        row["store"] = store
        if seq < row["first_seq"]:
            row["first_seq"] = seq
        if seq > row["last_seq"]:
            row["last_seq"] = seq
        return row


def _take_declared(changes: Changes, _: str, event: event_pb2.Event) -> None:
    path, declared = event.path, event.declared
    row = changes.node(path, _WAITING)
    _DECLARED.put(row, declared)
    row["sort"] = _sort_key(path, declared.sort_key)
    # A tier that is started again declares again; the first time counts.
    time = event.time_unix_nanos
    if row.get("declared_unix_nanos", time) >= time:
        row["declared_unix_nanos"] = time


def _sort_key(path: str, key: str) -> str:
    """Returns the sort key of a node; derived from its path if missing or too long for an index."""
    return key if key and key.isascii() and len(key) <= MAX_PATH_BYTES else key_of_path(path)


def _take_started(changes: Changes, store: str, event: event_pb2.Event) -> None:
    row = changes.attempt(event, store)
    _STARTED.put(row, event.started)
    time, path = event.time_unix_nanos, event.path
    row["started_unix_nanos"] = time
    node = changes.node(path, _RUNNING)
    node["attempts"] = max(node.get("attempts", 0), event.attempt)
    _start_upwards(changes, path, time)


def _start_upwards(changes: Changes, path: str, time: int) -> None:
    """Marks all groups above as started: a group has started when something below it has."""
    while path:
        row = changes.node(path, _RUNNING)
        if row.get("started_unix_nanos", time + 1) <= time:
            return
        row["started_unix_nanos"] = time
        path = row["parent"]


def _take_finished(changes: Changes, store: str, event: event_pb2.Event) -> None:
    row = changes.attempt(event, store)
    row["ended_unix_nanos"] = event.time_unix_nanos
    _FINISHED.put(row, event.attempt_finished)


def _take_progress(changes: Changes, store: str, event: event_pb2.Event) -> None:
    changes.attempt(event, store)["progress"] = blob(event.progress)


def _take_result(changes: Changes, _: str, event: event_pb2.Event) -> None:
    result = event.result
    row = changes.node(event.path, _ENDED)
    row["ended_unix_nanos"] = event.time_unix_nanos
    row["attempts"] = max(row.get("attempts", 0), result.attempts)
    _RESULT.put(row, result)
    for total in result.metrics:
        if not is_metric_name(total.name):
            # Wrappers let no such name through, and warn in the record of the attempt.
            changes.refused_metric = changes.refused_metric or (event.path, total.name)
            changes.refused_metrics += 1
            continue
        if isnan(total.value):
            # Infinite values may fold into NaN, which no database keeps as a number.
            continue
        changes.metrics[event.path, total.name] = _metric(event.path, total)


def _metric(path: str, total: event_pb2.MetricTotal) -> Row:
    row: Row = {
        "path": path,
        "name": total.name,
        "value": total.value,
        "kind": total.kind,
        "unit": total.unit,
        "count": total.count,
        "min": total.min,
        "max": total.max,
    }
    if total.HasField("sum") and not isnan(total.sum):
        row["sum"] = total.sum
    if total.HasField("exact_sum"):
        row["exact_sum"] = blob(total.exact_sum)
    if total.HasField("exact_last"):
        row["exact_last"] = blob(total.exact_last)
    if total.HasField("sketch"):
        row["sketch"] = blob(total.sketch)
    return row


_HANDLERS: dict[str, Callable[[Changes, str, event_pb2.Event], None]] = {
    "declared": _take_declared,
    "started": _take_started,
    "attempt_finished": _take_finished,
    "result": _take_result,
    "progress": _take_progress,
}
