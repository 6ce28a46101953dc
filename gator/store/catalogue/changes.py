"""Events become changes of the catalogue: one pure function, the same for a live run and for a replay.

The rule: what it makes of a set of stores does not depend on the order in which the stores are read.
"""

import json
from collections.abc import Callable, Iterable
from math import isnan
from typing import cast

from google.protobuf.message import Message

from gator.core.attempt.metrics import is_metric_name
from gator.node_paths import MAX_PATH_BYTES, key_of_path, parent_of, template_of
from gator.store.catalogue.rows import AttemptRow, MetricRow, NodeRow
from gator.v1 import event_pb2, query_pb2
from gator.v1.common_pb2 import Counts

_WAITING = int(query_pb2.NODE_STATE_WAITING)
_RUNNING = int(query_pb2.NODE_STATE_RUNNING)
_ENDED = int(query_pb2.NODE_STATE_ENDED)


class Changes:
    """Rows to be joined to those of the catalogue; changes of one row are one row."""

    __slots__ = ("attempts", "metrics", "nodes", "refused_metric")

    def __init__(self) -> None:
        self.nodes: dict[str, NodeRow] = {}
        self.attempts: dict[tuple[str, int], AttemptRow] = {}
        self.metrics: dict[tuple[str, str], MetricRow] = {}
        self.refused_metric: tuple[str, str] | None = None
        """Path and name of the first metric that is left out for its name."""

    def take(self, store: str, events: Iterable[event_pb2.Event]) -> None:
        """Add what events of a store, in their order, change."""
        for event in events:
            handle = _HANDLERS.get(event.WhichOneof("payload") or "")
            if handle is not None:
                handle(self, store, event)

    def node(self, path: str, state: int) -> NodeRow:
        """The change of a node that is at least in `state`."""
        row = self.nodes.get(path)
        if row is None:
            depth = path.count("/")
            row = NodeRow(path, parent_of(path), template_of(path), depth, state)
            self.nodes[path] = row
        elif row.state < state:
            row.state = state
        return row

    def attempt(self, event: event_pb2.Event, store: str) -> AttemptRow:
        """The change of the attempt that an event is about."""
        key = (event.path, event.attempt)
        row = self.attempts.get(key)
        if row is None:
            row = self.attempts[key] = AttemptRow(*key)
        row.store = store
        if row.first_seq is None or event.seq < row.first_seq:
            row.first_seq = event.seq
        if row.last_seq is None or event.seq > row.last_seq:
            row.last_seq = event.seq
        return row


def _take_declared(changes: Changes, _: str, event: event_pb2.Event) -> None:
    declared = event.declared
    row = changes.node(event.path, _WAITING)
    row.kind = declared.kind
    row.sort = _sort_key(event.path, declared.sort_key)
    row.children = declared.children
    row.jobs = declared.jobs
    row.weight = declared.priority
    row.seed = declared.seed
    row.allow_failure = int(declared.allow_failure)
    if declared.HasField("demand"):
        demand = declared.demand
        row.cores = demand.cores
        row.memory_bytes = demand.memory_bytes
        if demand.licenses:
            row.licenses = json.dumps(dict(sorted(demand.licenses.items())))
    if declared.tags:
        row.tags = json.dumps(list(declared.tags))
    # A tier that is started again declares again; the first time counts.
    row.declared_unix_nanos = _least(row.declared_unix_nanos, event.time_unix_nanos)


def _sort_key(path: str, key: str) -> str:
    """Returns the sort key of a node; derived from its path if missing or too long for an index."""
    return key if key and key.isascii() and len(key) <= MAX_PATH_BYTES else key_of_path(path)


def _take_started(changes: Changes, store: str, event: event_pb2.Event) -> None:
    started = event.started
    row = changes.attempt(event, store)
    row.host = started.host
    row.pid = started.pid
    row.daemon = started.daemon
    row.cores = started.cores
    row.started_unix_nanos = event.time_unix_nanos
    node = changes.node(event.path, _RUNNING)
    node.attempts = max(node.attempts or 0, event.attempt)
    _start_upwards(changes, event.path, event.time_unix_nanos)


def _start_upwards(changes: Changes, path: str, time: int) -> None:
    """A group has started when something below it has."""
    while path:
        row = changes.node(path, _RUNNING)
        if row.started_unix_nanos is not None and row.started_unix_nanos <= time:
            return
        row.started_unix_nanos = time
        path = row.parent


def _take_finished(changes: Changes, store: str, event: event_pb2.Event) -> None:
    finished = event.attempt_finished
    row = changes.attempt(event, store)
    row.ended_unix_nanos = event.time_unix_nanos
    row.outcome = finished.outcome
    row.reason = finished.reason
    row.message = finished.message
    if finished.HasField("exit_code"):
        row.exit_code = finished.exit_code
    if finished.HasField("signal"):
        row.signal = finished.signal
    row.stdout_lines = finished.stdout_lines
    row.stderr_lines = finished.stderr_lines
    row.dropped_bytes = finished.dropped_bytes
    row.longest_silence_nanos = finished.longest_silence_nanos
    if finished.HasField("first_error"):
        row.first_error = _blob(finished.first_error)
    if finished.signature:
        row.signature = finished.signature
    _put_counts(row, finished.counts)
    if finished.HasField("usage"):
        _put_usage(row, finished.usage)


def _take_result(changes: Changes, _: str, event: event_pb2.Event) -> None:
    result = event.result
    row = changes.node(event.path, _ENDED)
    row.ended_unix_nanos = event.time_unix_nanos
    row.outcome = result.outcome
    row.reason = result.reason
    row.message = result.message
    row.attempts = max(row.attempts or 0, result.attempts)
    row.first_failure = result.first_failure
    if result.first_failure_unix_nanos:
        row.first_failure_unix_nanos = result.first_failure_unix_nanos
    if result.HasField("jobs"):
        row.tally = _blob(result.jobs)
    if result.HasField("first_error"):
        row.first_error = _blob(result.first_error)
    if result.signature:
        row.signature = result.signature
    _put_counts(row, result.counts)
    if result.HasField("usage"):
        _put_usage(row, result.usage)
    for total in result.metrics:
        if not is_metric_name(total.name):
            # Wrappers let no such name through, and warn in the record of the attempt.
            changes.refused_metric = changes.refused_metric or (event.path, total.name)
            continue
        if isnan(total.value):
            # What is left of infinite values is none, and no database takes it for a number.
            continue
        changes.metrics[event.path, total.name] = MetricRow(
            event.path, total.name, total.value, total.kind, total.unit, total.count
        )


def _put_counts(row: NodeRow | AttemptRow, counts: Counts) -> None:
    row.debug = counts.debug
    row.info = counts.info
    row.warning = counts.warning
    row.error = counts.error
    row.critical = counts.critical


def _put_usage(row: NodeRow | AttemptRow, usage: event_pb2.Usage) -> None:
    row.wall_nanos = usage.wall_nanos
    row.user_nanos = usage.user_nanos
    row.system_nanos = usage.system_nanos
    if usage.HasField("peak_memory_bytes"):
        row.peak_memory_bytes = usage.peak_memory_bytes
    if usage.HasField("peak_processes"):
        row.peak_processes = usage.peak_processes


def _blob(message: Message) -> bytes:
    # See gator.store.catalogue.upsert for why it is no bytes.
    return cast("bytes", bytearray(message.SerializeToString()))


def _least(old: int | None, new: int) -> int:
    return new if old is None else min(old, new)


_HANDLERS: dict[str, Callable[[Changes, str, event_pb2.Event], None]] = {
    "declared": _take_declared,
    "started": _take_started,
    "attempt_finished": _take_finished,
    "result": _take_result,
}
