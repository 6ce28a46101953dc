"""`gator logs`: the output of jobs.

Invariant: unfiltered output is written byte for byte without splitting it into lines, except on a terminal.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.follow.away import warning_of_absence
from gator.cli.follow.blocks import blocks
from gator.cli.follow.headings import Headings
from gator.cli.follow.lines import Follower
from gator.cli.follow.polling import has_ended, polls
from gator.cli.follow.print_lines import (
    LineWriter,
    TerminalCleaner,
    lines,
    print_left_out,
    print_other_attempt,
)
from gator.cli.options.enums import enum_option
from gator.cli.options.times import SinceOption, UntilOption, unix_nanos
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, RunOption, TrackingOption, complete_path
from gator.console import describe
from gator.core.outcomes import FAILURES, decisive_attempt
from gator.errors import NotFoundError, UsageError, no_attempt
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_JOB = common_pb2.NODE_KIND_JOB
_MAX_OFFERED = 5
"""Maximum number of jobs that the error for a missing PATH lists."""


def logs(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A job or group; may be omitted if the run is a single job.",
            autocompletion=complete_path,
        ),
    ] = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new output as it comes.")] = False,
    attempt: Annotated[
        int,
        typer.Option(
            "--attempt",
            "-a",
            min=0,
            metavar="N",
            show_default=False,
            help="Print the output of attempt N; default: the last.",
        ),
    ] = 0,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream", "-s", metavar="NAME", help="Print only stdout, stderr, log1 …; default: all."
        ),
    ] = None,
    severity: Annotated[
        str | None,
        typer.Option(
            "--severity", metavar="LEVEL", help="Print only lines of this severity or worse, such as error."
        ),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option(
            "--grep", "-g", metavar="REGEX", help="Print only lines that match a regular expression (RE2)."
        ),
    ] = None,
    first_error: Annotated[
        bool,
        typer.Option("--first-error", help="Print the first error of the failure; -C adds context."),
    ] = False,
    context: Annotated[
        int,
        typer.Option(
            "-C", min=0, metavar="N", show_default=False, help="Show N lines of context around each match."
        ),
    ] = 0,
    tail: Annotated[
        int,
        typer.Option(
            "--tail",
            "-n",
            min=0,
            metavar="N",
            show_default=False,
            help="Print only the last N lines of each stream.",
        ),
    ] = 0,
    long: Annotated[
        bool,
        typer.Option("--long", "-l", help="Print messages, line numbers, times and severities too."),
    ] = False,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Print bytes unchanged, even on a terminal and for selected lines."),
    ] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    json: JsonOption = False,
) -> None:
    """Print the output of jobs, byte for byte.

    All streams are printed in the order of reading. For a group, the output of its jobs is printed in the
    order of the spec, each below its path. --severity and --long also print messages that jobs and Gator
    sent by the API. On a terminal, and if an option selects lines, control characters are printed as \\x1b
    and a progress bar in its last state; --raw prints the bytes unchanged, without paths.
    """
    if first_error and (grep or severity or follow or since or until):
        raise UsageError(
            "--first-error prints one place: leave out --grep, --severity, --since, --until and --follow"
        )
    request = qs.ListLinesRequest(attempt=attempt, regex=grep or "", context=context, tail=tail)
    if stream:
        request.stream = enum_option(common_pb2.Stream, stream, "--stream")
    if severity:
        request.severity = enum_option(common_pb2.Severity, severity, "--severity")
    request.since_unix_nanos = unix_nanos(since, "--since")
    request.until_unix_nanos = unix_nanos(until, "--until")
    request.messages = bool(long or severity or json)
    as_written = not (grep or severity or since or until or long or json or first_error or tail)
    with ExitStack() as stack:
        opened = stack.enter_context(open_run(run, tracking, HubChoice(hub, hub_ca)))
        request.path = opened.path_of(path)
        answer = opened.api.get_node(qs.GetNodeRequest(path=request.path))
        is_group = answer.node.kind != _JOB
        if is_group and not path:
            raise UsageError(_missing_path(opened))
        follows = follow and not has_ended(opened, request.path)
        if attempt and not follows:
            _check_attempt(opened, answer, attempt)
        if opened.source.missing_output():
            print_left_out(opened, _finished(answer, attempt))
        if not (attempt or json):
            print_other_attempt(opened, answer.node)
        request.attempt = attempt or _failed_attempt(answer.node)
        if follows:
            stack.enter_context(warning_of_absence(opened))
        if as_written:
            _write_blocks(opened, request, is_group=is_group, follow=follow, raw=raw)
            return
        writer = LineWriter(
            long=long, json=json, names=is_group, context=context, raw=raw, whole=grep is not None
        )
        if first_error:
            _write_first_error(opened, answer.node, request, writer)
        else:
            _write_lines(opened, request, writer, follow=follow)


def _missing_path(opened: OpenRun) -> str:
    """Returns the error for a run of several jobs without PATH, with jobs that failed or else any."""
    root = opened.run.ident
    request = qs.ListNodesRequest(path=root, scope=qs.SCOPE_SUBTREE, kinds=[_JOB], page_size=_MAX_OFFERED + 1)
    jobs = opened.api.list_nodes(request).nodes
    request.outcomes.extend(sorted(FAILURES))
    failed = opened.api.list_nodes(request).nodes
    which = "one that failed" if failed else "one of its jobs"
    names = [job.path for job in failed or jobs]
    some = ", ".join(names[:_MAX_OFFERED]) + (", …" if len(names) > _MAX_OFFERED else "")
    return f"PATH is missing: name {which} ({some}), a group, or {root} for all"


def _finished(answer: qs.GetNodeResponse, number: int) -> event_pb2.AttemptFinished | None:
    """Returns the end of an attempt, by default the last; None if it still runs or the node is a group."""
    attempts = [attempt for attempt in answer.attempts if number in (0, attempt.number)]
    return attempts[-1].finished if attempts and attempts[-1].HasField("finished") else None


def _failed_attempt(node: query_pb2.Node) -> int:
    """Returns the failed attempt of a job that failed because it is flaky; 0 for any other node."""
    shown = decisive_attempt(node.outcome, node.tally, node.attempts) if node.kind == _JOB else 0
    return shown if shown < node.attempts else 0


def _check_attempt(opened: OpenRun, answer: qs.GetNodeResponse, number: int) -> None:
    """Raises NotFoundError if a job, or every job of a group, lacks an attempt."""
    path = answer.node.path
    if answer.node.kind == _JOB:
        if all(number != attempt.number for attempt in answer.attempts):
            raise no_attempt(path, number, len(answer.attempts))
    elif all(number > job.attempts for job in _jobs(opened, path, follow=False)):
        raise NotFoundError(f"no job of {path} has an attempt {number}: see `gator tree`")


def _jobs(opened: OpenRun, path: str, *, follow: bool) -> Iterator[query_pb2.Node]:
    # When following, new jobs are appended to the list.
    order = qs.NODE_ORDER_DECLARED if follow else qs.NODE_ORDER_SPEC
    request = qs.ListNodesRequest(path=path, scope=qs.SCOPE_SUBTREE, kinds=[_JOB], order=order)
    for page in pages(opened.api.list_nodes, request):
        yield from page.nodes


def _write_blocks(
    opened: OpenRun, request: qs.ListLinesRequest, *, is_group: bool, follow: bool, raw: bool
) -> None:
    """Writes the output of jobs as it was read; cleans it on a terminal unless `raw`."""
    from gator.store import decode_block as decode

    out, clean = sys.stdout.buffer, not raw and sys.stdout.isatty()
    written = Headings(out, enabled=is_group and not raw)
    seen: set[str] = set()
    for _ in polls(opened, request.path, follow=follow):
        for node in _jobs(opened, request.path, follow=follow):
            if node.path in seen:
                continue
            seen.add(node.path)
            cleaner = TerminalCleaner(colours=output.has_colour()) if clean else None
            number = request.attempt or _failed_attempt(node) or max(node.attempts, 1)
            for block in blocks(opened, node.path, number, follow=follow):
                if request.stream not in (0, block.stream):
                    continue
                data = decode(block)
                written.write(node.path, data if cleaner is None else cleaner.feed(block.stream, data))
                if follow:
                    out.flush()
            if cleaner is not None:
                written.write(node.path, cleaner.finish())
    if not seen and opened.run.state == query_pb2.RUN_STATE_RUNNING and not follow:
        raise NotFoundError(f"no job of {request.path} has started yet: wait for it with -f")
    out.flush()


def _write_lines(opened: OpenRun, request: qs.ListLinesRequest, writer: LineWriter, *, follow: bool) -> None:
    # Output that is complete is printed in the order of the spec, as without --follow.
    if follow and not (has_ended(opened, request.path) and not opened.source.settle_seconds):
        Follower(opened, request, writer).follow()
        return
    for line in lines(opened.api, request):
        writer.write(line)
    writer.flush()


def _write_first_error(
    opened: OpenRun, node: query_pb2.Node, request: qs.ListLinesRequest, writer: LineWriter
) -> None:
    path = node.first_failure or node.path
    writer.names = path != node.path
    if path != node.path:
        node = opened.api.get_node(qs.GetNodeRequest(path=path)).node
        request.attempt = request.attempt or _failed_attempt(node)
    if not node.HasField("first_error"):
        state = describe.state(node)
        if node.state != query_pb2.NODE_STATE_ENDED or node.outcome == common_pb2.OUTCOME_PASSED:
            verb = "" if node.state == query_pb2.NODE_STATE_ENDED else "is "
            raise NotFoundError(f"{path} {verb}{state}, so it has no first error")
        why = f": {node.message}" if node.message else ""
        verb = "was " if node.outcome == common_pb2.OUTCOME_PRUNED else ""
        raise NotFoundError(f"{path} {verb}{state} and has no error message{why}")
    first_error = node.first_error
    if not first_error.line:
        output.echo_lines(first_error.text)
        return
    request.path, request.stream = path, first_error.stream
    around = request.context
    request.first_line = max(first_error.line - around, 1)
    request.last_line = first_error.line + around
    request.context = 0
    is_recorded = False
    for line in lines(opened.api, request):
        is_recorded = True
        line.hit = line.number == first_error.line
        writer.write(line)
    if not is_recorded:
        # A hub may lack the output of jobs, but the Result has the line.
        output.echo_lines(first_error.text)
    writer.flush()
