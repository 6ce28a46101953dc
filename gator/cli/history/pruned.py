"""The jobs that did not run: because of a failure, a stop, or because the run died before them."""

from collections.abc import Collection, Iterable, Iterator

from gator.core.launch.rerun import launch_of, rest_command
from gator.core.outcomes import was_not_needed
from gator.units import plural
from gator.v1 import common_pb2, query_pb2


def prevented(pruned: Iterable[query_pb2.Node]) -> Iterator[query_pb2.Node]:
    """Yields the pruned jobs that would have run if others had other outcomes."""
    return (node for node in pruned if not was_not_needed(node.outcome, node.reason))


def not_run_since(
    jobs: Iterable[query_pb2.Node], run: query_pb2.Run, ran: Collection[str], *, word: str = "pruned"
) -> str:
    """Returns how many pruned jobs of a run are not in `ran`, and the command that runs them; else empty.

    `run` must have its command line; `ran` are the jobs that ended in it or in its reruns. `word` is the
    outcome of the jobs.
    """
    count = sum(node.path not in ran for node in prevented(jobs))
    if not count:
        return ""
    were, have = ("was", "has") if count == 1 else ("were", "have")
    return f"{plural(count, 'job')} {were} {word} in run {run.id[:8]} and {have} not run since{_rest(run)}"


def cancelled(run: query_pb2.Run, count: int) -> str:
    """Returns how many jobs of a run that has ended were cancelled, and the command that runs them.

    Empty if there are none. `run` must have its command line.
    """
    if not count or run.state != query_pb2.RUN_STATE_ENDED:
        return ""
    return f"{plural(count, 'job')} {'was' if count == 1 else 'were'} cancelled{_rest(run)}"


def death(run: query_pb2.Run, waiting: int) -> str:
    """Returns that a run died, how many jobs were still waiting, and the command that runs the rest.

    Empty if the run is live or has ended: then none of its jobs waits. `run` must have its command
    line.
    """
    has_ended = run.state in (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)
    is_dead = run.state == query_pb2.RUN_STATE_DIED or run.result.reason == common_pb2.REASON_RUN_DIED
    if not has_ended or not (waiting or is_dead):
        return ""
    never = f"; {plural(waiting, 'job')} never started" if waiting else ""
    return f"the run died before it ended{never}{_rest(run)}"


def _rest(run: query_pb2.Run) -> str:
    """Returns the command that runs the jobs that have not passed, after a colon; empty if not known."""
    return f": {rest_command(launch_of(run), run.id)}" if run.argv else ""
