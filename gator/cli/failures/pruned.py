"""Prints which jobs did not run because of a failure or a stop, or because the run died."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from gator.cli import output
from gator.cli.history.pruned import cancelled, death, not_run_since, prevented
from gator.cli.runs.paging import pages
from gator.cli.sources.failure_overlay import OverlaidRun
from gator.cli.sources.open import OpenRun
from gator.console.text import one_line
from gator.core.launch.printed import command
from gator.core.launch.rerun import launch_of, rest_command
from gator.units import plural
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_REASONS: Final = 3
"""Maximum number of reasons that are printed."""


def print_pruned(opened: OpenRun, overlaid: OverlaidRun | None, globs: Sequence[str]) -> None:
    """Prints the jobs that were pruned by their reasons, those that were cancelled, and whether the run died.

    With reruns, prints the pruned and the cancelled jobs that have not run since.
    """
    if overlaid is None and (died := death(opened.run, opened.run.tally.waiting)):
        output.echo()
        output.echo(output.paint(died, "lost"))
    if opened.run.tally.cancelled or not opened.run.HasField("tally"):
        _print_cancelled(opened, overlaid, globs)
    if opened.run.HasField("tally") and not opened.run.tally.pruned:
        return
    if overlaid is not None:
        if text := not_run_since(_pruned(opened, globs), opened.run, overlaid.jobs):
            output.echo()
            output.echo(text)
        return
    reasons = Counter(one_line(node.message) for node in prevented(_pruned(opened, globs)))
    if not reasons:
        return
    count = reasons.total()
    shown = command("tree", "--outcome", "pruned", where=opened.source.where)
    output.echo()
    output.echo(f"{plural(count, 'job')} {'was' if count == 1 else 'were'} pruned: {shown}")
    for reason, jobs in reasons.most_common(_MAX_REASONS):
        output.echo(f"  {plural(jobs, 'job')}: {reason}")
    _print_more_reasons(reasons)


def _print_cancelled(opened: OpenRun, overlaid: OverlaidRun | None, globs: Sequence[str]) -> None:
    """Prints the jobs that `max_fail` or `max_fail_per_cause` kept from starting, and those of a stop."""
    jobs = _jobs(opened, globs, common_pb2.OUTCOME_CANCELLED)
    if overlaid is not None:
        if text := not_run_since(jobs, opened.run, overlaid.jobs, word="cancelled"):
            output.echo()
            output.echo(text)
        return
    reasons, count = Counter[str](), 0
    for node in jobs:
        if node.reason == common_pb2.REASON_MAX_FAIL:
            reasons[one_line(node.message)] += 1
        else:
            count += 1
    _print_held(opened, reasons)
    if text := cancelled(opened.run, count):
        output.echo()
        output.echo(text)


def _print_held(opened: OpenRun, reasons: Counter[str]) -> None:
    if not reasons:
        return
    output.echo()
    for reason, jobs in reasons.most_common(_MAX_REASONS):
        output.echo(f"{plural(jobs, 'job')} {'was' if jobs == 1 else 'were'} {reason}")
    _print_more_reasons(reasons)
    if opened.run.argv:
        output.echo(f"  the rest: {rest_command(launch_of(opened.run), opened.run.id)}")


def _print_more_reasons(reasons: Counter[str]) -> None:
    if len(reasons) > _MAX_REASONS:
        output.echo(f"  ... and {plural(len(reasons) - _MAX_REASONS, 'more reason')}")


def _pruned(opened: OpenRun, globs: Sequence[str]) -> Iterator[query_pb2.Node]:
    return _jobs(opened, globs, common_pb2.OUTCOME_PRUNED)


def _jobs(
    opened: OpenRun, globs: Sequence[str], outcome: common_pb2.Outcome.ValueType
) -> Iterator[query_pb2.Node]:
    request = qs.ListNodesRequest(
        path=opened.run.ident,
        scope=qs.SCOPE_SUBTREE,
        globs=globs,
        kinds=[common_pb2.NODE_KIND_JOB],
        outcomes=[outcome],
    )
    for page in pages(opened.api.list_nodes, request):
        yield from page.nodes
