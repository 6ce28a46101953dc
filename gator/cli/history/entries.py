"""Builds entries of a history from answers about single runs, in the form of a hub's answers."""

from collections.abc import Iterable, Iterator

from gator.cli.runs.api import RunApi
from gator.core.outcomes import FAILURES
from gator.errors import NotFoundError
from gator.v1 import common_pb2, hub_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


def sighting_of(run: query_pb2.Run) -> query_pb2.Sighting:
    """Returns the Sighting of a run."""
    sighting = query_pb2.Sighting(run=run.id, ident=run.ident, started_unix_nanos=run.started_unix_nanos)
    if run.HasField("git"):
        sighting.git.CopyFrom(run.git)
    return sighting


def entry_of(run: query_pb2.Run, answer: qs.GetNodeResponse) -> hub_pb2.HistoryEntry:
    """Returns the outcome of a node in a run as an entry of a history."""
    node = answer.node
    return hub_pb2.HistoryEntry(
        run=sighting_of(run),
        user=run.user,
        outcome=node.outcome,
        reason=node.reason,
        signature=node.signature,
        cause=node.cause,
        wall_nanos=node.usage.wall_nanos,
        tally=node.tally,
        metrics=answer.result.metrics,
        seed=node.seed,
        peak_memory_bytes=node.usage.peak_memory_bytes,
    )


def nodes_at(api: RunApi, paths: Iterable[str]) -> Iterator[query_pb2.Node]:
    """Yields those of these nodes that a run has."""
    for path in paths:
        try:
            yield api.get_node(qs.GetNodeRequest(path=path)).node
        except NotFoundError:
            continue


def failure_streak(
    entries: Iterable[hub_pb2.HistoryEntry],
) -> tuple[query_pb2.Sighting | None, query_pb2.Sighting | None]:
    """Returns where the newest uninterrupted streak of failures began, and the last pass before it.

    Both are None if the node did not fail last. `entries` come newest first; those that neither passed nor
    failed are ignored.
    """
    first_bad: query_pb2.Sighting | None = None
    for entry in entries:
        if entry.outcome in FAILURES:
            first_bad = entry.run
        elif entry.outcome == common_pb2.OUTCOME_PASSED:
            return first_bad, entry.run if first_bad is not None else None
    return first_bad, None
