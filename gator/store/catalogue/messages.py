"""Rows of the catalogue as messages of the schema. The rule: what is not known stays unset."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gator.core.attempt.signature import sign
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

NODE_COLUMNS = (
    "path, kind, state, outcome, reason, message, children, attempts, debug, info, warning, error, critical,"
    " tally, started_unix_nanos, ended_unix_nanos, wall_nanos, user_nanos, system_nanos, peak_memory_bytes,"
    " peak_processes, first_error, first_failure, allow_failure, seed, tags, cores, memory_bytes, licenses,"
    " jobs, sort, signature, first_failure_unix_nanos"
)
ATTEMPT_COLUMNS = (
    "path, number, store, started_unix_nanos, ended_unix_nanos, host, pid, daemon, cores, outcome, reason,"
    " message, exit_code, signal, debug, info, warning, error, critical, wall_nanos, user_nanos,"
    " system_nanos, peak_memory_bytes, peak_processes, stdout_lines, stderr_lines, dropped_bytes,"
    " longest_silence_nanos, first_error, signature"
)

NODE_NAMES = tuple(name.strip() for name in NODE_COLUMNS.split(","))
ATTEMPT_NAMES = tuple(name.strip() for name in ATTEMPT_COLUMNS.split(","))
NODE_NAMES_AND_HOST = (*NODE_NAMES, "host")

SELECT_NODES = (
    f"SELECT {', '.join(f'n.{name}' for name in NODE_NAMES)}, a.host FROM nodes AS n"  # noqa: S608 - constant
    " LEFT JOIN attempts AS a ON a.path = n.path AND a.number = n.attempts"
)
"""The columns of NODE_NAMES_AND_HOST: a node with the host of its last attempt."""
SELECT_ATTEMPTS = f"SELECT {', '.join(f'n.{name}' for name in ATTEMPT_NAMES)} FROM attempts AS n"  # noqa: S608

_TALLY_FIELDS = {
    0: "running",
    common_pb2.OUTCOME_PASSED: "passed",
    common_pb2.OUTCOME_FAILED: "failed",
    common_pb2.OUTCOME_PRUNED: "pruned",
    common_pb2.OUTCOME_CANCELLED: "cancelled",
    common_pb2.OUTCOME_LOST: "lost",
}


def node_of(row: Any) -> query_pb2.Node:
    """A node by its row; the tally of one that goes on is left out."""
    node = query_pb2.Node(
        path=row["path"],
        kind=row["kind"] or common_pb2.NODE_KIND_UNSPECIFIED,
        state=row["state"],
        outcome=row["outcome"] or common_pb2.OUTCOME_UNSPECIFIED,
        reason=row["reason"] or common_pb2.REASON_UNSPECIFIED,
        message=row["message"] or "",
        children=row["children"] or 0,
        attempts=row["attempts"] or 0,
        started_unix_nanos=row["started_unix_nanos"] or 0,
        ended_unix_nanos=row["ended_unix_nanos"] or 0,
        first_failure=row["first_failure"] or "",
        first_failure_unix_nanos=row["first_failure_unix_nanos"] or 0,
        allow_failure=bool(row["allow_failure"]),
        seed=row["seed"] or 0,
        signature=row["signature"] or "",
    )
    if row["tags"]:
        node.tags.extend(json.loads(row["tags"]))
    if node.kind == common_pb2.NODE_KIND_JOB:
        node.demand.cores = row["cores"] or 0
        node.demand.memory_bytes = row["memory_bytes"] or 0
        if row["licenses"]:
            node.demand.licenses.update(json.loads(row["licenses"]))
    if row["debug"] is not None:
        node.counts.CopyFrom(counts_of(row))
    if row["tally"] is not None:
        node.tally.ParseFromString(row["tally"])
    if row["first_error"] is not None:
        node.first_error.ParseFromString(row["first_error"])
    if row["wall_nanos"] is not None:
        node.usage.CopyFrom(usage_of(row))
    if node.kind == common_pb2.NODE_KIND_JOB:
        # Stores of version 1 have none.
        sign(node)
    return node


def attempt_of(row: Any) -> query_pb2.Attempt:
    """An attempt by its row; the command line stands only in its event."""
    attempt = query_pb2.Attempt(
        number=row["number"],
        store=row["store"] or "",
        started_unix_nanos=row["started_unix_nanos"] or 0,
        ended_unix_nanos=row["ended_unix_nanos"] or 0,
    )
    if row["started_unix_nanos"]:
        attempt.started.host = row["host"] or ""
        attempt.started.pid = row["pid"] or 0
        attempt.started.daemon = row["daemon"] or ""
        attempt.started.cores = row["cores"] or 0
    if row["outcome"]:
        finished = attempt.finished
        finished.outcome = row["outcome"]
        finished.reason = row["reason"] or common_pb2.REASON_UNSPECIFIED
        finished.message = row["message"] or ""
        if row["exit_code"] is not None:
            finished.exit_code = row["exit_code"]
        if row["signal"] is not None:
            finished.signal = row["signal"]
        finished.counts.CopyFrom(counts_of(row))
        if row["wall_nanos"] is not None:
            finished.usage.CopyFrom(usage_of(row))
        finished.stdout_lines = row["stdout_lines"] or 0
        finished.stderr_lines = row["stderr_lines"] or 0
        finished.dropped_bytes = row["dropped_bytes"] or 0
        finished.longest_silence_nanos = row["longest_silence_nanos"] or 0
        if row["first_error"] is not None:
            finished.first_error.ParseFromString(row["first_error"])
        finished.signature = row["signature"] or ""
    return attempt


def add_events(
    attempts: Iterable[query_pb2.Attempt],
    path: str,
    events: Callable[..., tuple[Sequence[event_pb2.Event], int]],
) -> None:
    """Put in what stands only in the events of attempts at a job: command lines, metrics.

    `events` gives events as `gator.query.Reader` does.
    """
    kinds = (attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)
    for attempt in attempts:
        found, _ = events(attempt.store, 0, 10, path=path, attempt=attempt.number, kinds=kinds)
        for event in found:
            if event.HasField("started"):
                attempt.started.CopyFrom(event.started)
            elif attempt.HasField("finished"):
                attempt.finished.CopyFrom(event.attempt_finished)


def result_of(node: query_pb2.Node, metrics: list[event_pb2.MetricTotal]) -> event_pb2.Result:
    """The Result of a node that has ended."""
    result = event_pb2.Result(
        outcome=node.outcome,
        reason=node.reason,
        message=node.message,
        attempts=node.attempts,
        counts=node.counts,
        metrics=metrics,
        jobs=node.tally,
        first_failure=node.first_failure,
        first_failure_unix_nanos=node.first_failure_unix_nanos,
        allow_failure=node.allow_failure,
        signature=node.signature,
    )
    if node.HasField("usage"):
        result.usage.CopyFrom(node.usage)
    if node.HasField("first_error"):
        result.first_error.CopyFrom(node.first_error)
    return result


def counts_of(row: Any) -> common_pb2.Counts:
    """The numbers of messages in a row."""
    return common_pb2.Counts(
        debug=row["debug"] or 0,
        info=row["info"] or 0,
        warning=row["warning"] or 0,
        error=row["error"] or 0,
        critical=row["critical"] or 0,
    )


def usage_of(row: Any) -> event_pb2.Usage:
    """What was used, by a row."""
    usage = event_pb2.Usage(
        wall_nanos=row["wall_nanos"] or 0,
        user_nanos=row["user_nanos"] or 0,
        system_nanos=row["system_nanos"] or 0,
    )
    if row["peak_memory_bytes"] is not None:
        usage.peak_memory_bytes = row["peak_memory_bytes"]
    if row["peak_processes"] is not None:
        usage.peak_processes = row["peak_processes"]
    return usage


def tally_of_job(node: query_pb2.Node) -> event_pb2.Tally:
    """A job counted by what it is at."""
    return event_pb2.Tally(**{_TALLY_FIELDS.get(node.outcome, "running"): 1})


def add_to_tally(tally: event_pb2.Tally, outcome: int, jobs: int) -> None:
    """Take so many jobs with an outcome, 0 for those that go on, out of those that wait."""
    name = _TALLY_FIELDS.get(outcome, "running")
    setattr(tally, name, getattr(tally, name) + jobs)
    tally.waiting -= min(jobs, tally.waiting)
