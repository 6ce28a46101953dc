"""`gator status`: the running and waiting jobs, and the counts, at one moment."""

from itertools import islice
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.history.overlaid import add_passed_in
from gator.cli.history.pruned import cancelled, death
from gator.cli.json_output import print_json, to_values
from gator.cli.options.number import limit_of, number_option, print_omitted
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import listed_nodes, pages
from gator.cli.runs.run_text import passed_in, selection_text
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.cli.sources.waiting import waiting_path
from gator.console import describe
from gator.errors import NotFoundError
from gator.units import plural, span
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_SHOWN: Final = 10
"""Default maximum number of running jobs, and of lines about waiting nodes."""
_VERBS = {
    query_pb2.CONDITION_PASS: "pass",
    query_pb2.CONDITION_FAIL: "fail",
    query_pb2.CONDITION_DONE: "end",
}


def status(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    number: Annotated[int | None, number_option(_MAX_SHOWN, "running jobs and reasons for waiting")] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="PATH", help="Show only why this node has not started."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the running and waiting jobs, the reasons for waiting, and the counts.

    Jobs that wait for the same reason are shown as one line with their number.
    """
    limit = limit_of(number, _MAX_SHOWN, json=json)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        if explain is not None:
            _print_waiting_reasons(opened, explain, json=json)
            return
        node_path = opened.path_of(path)
        node = opened.api.get_node(qs.GetNodeRequest(path=node_path)).node
        longest = _longest(opened, node_path, limit)
        waiting = _waiting(opened, (path and node_path) or "", limit)
        add_passed_in(opened.source.history(), opened.run)
        if json:
            print_json(
                {
                    "run": to_values(opened.run),
                    "node": to_values(node),
                    "running": [to_values(job) for job in longest],
                    "waiting": [to_values(entry) for entry in waiting.waiting],
                    "waiting_entries": waiting.entries,
                    "waiting_jobs": waiting.jobs,
                }
            )
            return
        _print_head(opened, node)
        _print_running(opened.run, longest)
        if limit and len(longest) == limit and node.tally.running > limit:
            print_omitted("running job", node.tally.running - limit, indent="  ")
        _print_waiting(waiting, limit)


def _print_waiting_reasons(opened: OpenRun, path: str, *, json: bool) -> None:
    """Prints why a node has not started: as its live root says, else as the record says."""
    try:
        node_path = opened.path_of(path)
    except NotFoundError as error:
        node_path = waiting_path(opened, path.strip("/"))
        if node_path == path.strip("/") and opened.run.state != query_pb2.RUN_STATE_RUNNING:
            raise error from None
    request = qs.ExplainNodeRequest(path=node_path)
    explained = opened.source.explain(request) or opened.api.explain_node(request)
    if json:
        print_json({"path": node_path, **to_values(explained)})
        return
    waits = explained.state == query_pb2.NODE_STATE_WAITING
    if not waits:
        node = opened.api.get_node(qs.GetNodeRequest(path=node_path)).node
        output.echo(f"{output.paint(node_path, 'bold')}  {output.painted_state(opened.run, node)}")
        return
    state = "handed out" if explained.is_handed_out else "waiting"
    output.echo(f"{output.paint(node_path, 'bold')}  {state}")
    for detail in explained.details:
        output.echo(f"  {detail.text}")
        for holder in detail.holders:
            who = f"{holder.path} (attempt {holder.attempt})" if holder.path else "a group"
            output.echo(f"    held by {who} on {holder.host}, lease {holder.lease}")
    if not explained.details and not explained.is_handed_out:
        output.echo("  waiting behind earlier jobs")


def _longest(opened: OpenRun, path: str, limit: int | None) -> list[query_pb2.Node]:
    request = qs.ListNodesRequest(
        path=path,
        scope=qs.SCOPE_SUBTREE,
        kinds=[common_pb2.NODE_KIND_JOB],
        states=[query_pb2.NODE_STATE_RUNNING],
        order=qs.NODE_ORDER_STARTED,
    )
    nodes, _ = listed_nodes(opened.api, request, limit)
    return list(islice(nodes, limit))


def _waiting(opened: OpenRun, path: str, limit: int | None) -> qs.ListWaitingResponse:
    """Returns what waits: the first page if there is a limit, which is on groups of entries, else all."""
    request = qs.ListWaitingRequest(path=path)
    if limit is not None:
        return opened.api.list_waiting(request)
    waiting = qs.ListWaitingResponse()
    for page in pages(opened.api.list_waiting, request):
        waiting.waiting.extend(page.waiting)
        waiting.entries, waiting.jobs = page.entries, page.jobs
    return waiting


def _print_head(opened: OpenRun, node: query_pb2.Node) -> None:
    run = opened.run
    output.echo(f"{output.paint(node.path, 'bold')}  {output.painted_state(run, node)}")
    output.echo(f"{output.painted_tally(node.tally)}")
    output.echo(output.paint(f"run {run.id[:12]} {opened.source.location}", "dim"))
    if part := selection_text(run):
        output.echo(output.paint(part, "dim"))
    if passed := passed_in(run):
        output.echo(output.paint(passed, "dim"))
    if died := death(run, run.tally.waiting):
        output.echo(output.paint(died, "lost"))
    elif stopped := cancelled(run, run.tally.cancelled):
        output.echo(stopped)
    if run.HasField("git"):
        output.echo(output.paint(describe.commit(run.git), "dim"))
    if run.last_seen_unix_nanos and run.state == query_pb2.RUN_STATE_UNSPECIFIED:
        output.echo(
            output.paint(f"{opened.source.away_since} {describe.moment(run.last_seen_unix_nanos)}", "warning")
        )


def _print_running(run: query_pb2.Run, longest: list[query_pb2.Node]) -> None:
    if not longest:
        return
    output.echo()
    output.echo("running longest:")
    output.echo_columns(
        (
            f"  {output.paint(node.path, 'path')}",
            span(describe.running_nanos(run, node.started_unix_nanos)),
            node.host,
            describe.progress(node.progress),
        )
        for node in longest
    )


def _print_waiting(waiting: qs.ListWaitingResponse, limit: int | None) -> None:
    """Prints the waiting nodes, one line for all nodes with the same reasons, up to a limit of lines."""
    if not waiting.entries:
        return
    output.echo()
    output.echo("waiting:")
    alike: dict[str, list[query_pb2.Waiting]] = {}
    for entry in waiting.waiting:
        alike.setdefault(_why(entry), []).append(entry)
    shown = list(alike.items())[:limit]
    output.echo_columns(
        (
            f"  {output.paint(entries[0].path, 'path')}"
            + (f" and {len(entries) - 1:,} more" if len(entries) > 1 else ""),
            plural(sum(entry.jobs for entry in entries), "job"),
            why,
        )
        for why, entries in shown
    )
    left = waiting.jobs - sum(entry.jobs for _, entries in shown for entry in entries)
    if left:
        print_omitted("waiting job", left, indent="  ")


def _why(entry: query_pb2.Waiting) -> str:
    return ", ".join(map(_awaited, entry.awaited)) or _lacking(entry)


def _awaited(awaited: query_pb2.Awaited) -> str:
    return (
        f"for {awaited.path} to {_VERBS.get(awaited.condition, 'end')} ({plural(awaited.jobs, 'job')} left)"
    )


def _lacking(entry: query_pb2.Waiting) -> str:
    if not entry.lacking:
        return "for its turn"
    held = f" (held by {', '.join(entry.holders)})" if entry.holders else ""
    return f"for {'; '.join(entry.lacking)}{held}"
