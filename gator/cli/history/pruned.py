"""The jobs that a failure prevented: those that were pruned in a run and have not run in a rerun."""

from collections.abc import Collection, Iterable, Iterator

from gator.core.launch.rerun import launch_of, rest_command
from gator.core.outcomes import was_not_needed
from gator.units import plural
from gator.v1 import query_pb2


def prevented(pruned: Iterable[query_pb2.Node]) -> Iterator[query_pb2.Node]:
    """Yields the pruned jobs that would have run if others had other outcomes."""
    return (node for node in pruned if not was_not_needed(node.outcome, node.reason))


def not_run_since(pruned: Iterable[query_pb2.Node], run: query_pb2.Run, ran: Collection[str]) -> str:
    """Returns how many pruned jobs of a run are not in `ran`, and the command that runs them; else empty.

    `run` must have its command line; `ran` are the jobs that ended in it or in its reruns.
    """
    count = sum(node.path not in ran for node in prevented(pruned))
    if not count:
        return ""
    were, have = ("was", "has") if count == 1 else ("were", "have")
    rest = f": {rest_command(launch_of(run), run.id)}" if run.argv else ""
    return f"{plural(count, 'job')} {were} pruned in run {run.id[:8]} and {have} not run since{rest}"
