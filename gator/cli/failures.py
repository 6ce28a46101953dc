"""`gator failures`: all that is known about what failed. Rule: each failure says what to do next."""

import shlex
from collections.abc import Iterator
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.selector import JsonOption, RunOption, TrackingOption, complete_path
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run, pages
from gator.core.again import again, launched
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_FAILURES = (common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST)


def failures(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH", help="Only below these nodes, or what matches.", autocompletion=complete_path
        ),
    ] = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    json: JsonOption = False,
) -> None:
    """Each job that failed or was lost: why, its first error, where its output is, how to run it again."""
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        count = 0
        for node in _failed(opened, paths or []):
            if json:
                output.say_json({**output.to_values(node), **_next(opened, node)})
            else:
                _say(opened, node, first=not count)
            count += 1
        if not count and not json:
            output.say("nothing failed" + _so_far(opened.run))


def _failed(opened: OpenRun, paths: list[str]) -> Iterator[query_pb2.Node]:
    request = qs.ListNodesRequest(
        path=opened.run.ident,
        scope=qs.SCOPE_SUBTREE,
        globs=[glob for path in paths for glob in (path, path.rstrip("/") + "/**")],
        kinds=[common_pb2.NODE_KIND_JOB],
        outcomes=_FAILURES,
    )
    for page in pages(opened.ask, request):
        yield from page.nodes


def _so_far(run: query_pb2.Run) -> str:
    return " so far" if run.state == query_pb2.RUN_STATE_RUNNING else ""


def _say(opened: OpenRun, node: query_pb2.Node, *, first: bool) -> None:
    if not first:
        output.say()
    state = output.state_of(node)
    allowed = output.paint(" (allowed to fail)", "dim") if node.allow_failure else ""
    output.say(f"{output.paint(state, state)} {output.paint(node.path, 'path')}{allowed}: {node.message}")
    if node.HasField("first_error"):
        output.say(f"  {_place(node.first_error)}: {node.first_error.text}")
    words = _next(opened, node)
    if words["log"]:
        output.say(f"  log:    {words['log']}")
    output.say(f"  output: {words['inspect']}")
    if words["reproduce"]:
        output.say(f"  again:  {words['reproduce']}")


def _place(offence: event_pb2.Offence) -> str:
    """Where a message stands, as in `out:17 error`."""
    severity = output.severity(offence.severity)
    where = f"{output.stream(offence.stream)}:{offence.line} " if offence.line else ""
    return output.paint(f"{where}{severity}".strip() or "first error", severity)


def _next(opened: OpenRun, node: query_pb2.Node) -> dict[str, str | None]:
    """Where the output is, how to look at it, and how to run the job again."""
    log = opened.home.text_log(node.path)
    quoted = shlex.quote(node.path)
    chosen = shlex.quote(opened.home.name)
    return {
        "log": str(log) if log is not None else None,
        "inspect": f"gator logs {quoted} -r {chosen}",
        "reproduce": reproduce(opened.run, node),
    }


def reproduce(run: query_pb2.Run, node: query_pb2.Node) -> str | None:
    """The command that runs one job again with the same seed; None where the command line is not known."""
    return again(launched(run.argv), run.seed, node.path) if run.argv else None
