"""`gator failures`: all that is known about what failed. Rule: each failure says what to do next."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run
from gator.cli.selector_options import JsonOption, RunOption, TrackingOption, complete_path
from gator.cli.sorting import SortOption, order_of
from gator.console.cells import one_line
from gator.core.again import again, launched
from gator.core.causes import FEW, Cause, Causes
from gator.v1 import common_pb2, query_pb2
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
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Each failure, however many have the same cause.")
    ] = False,
    cause: Annotated[
        str | None,
        typer.Option(
            "--cause", metavar="SIGNATURE", help="Each failure of this cause; its beginning will do."
        ),
    ] = None,
    sort: SortOption = "spec",
    json: JsonOption = False,
) -> None:
    """What failed or was lost: why, its first error, where its output is, how to run it again.

    More than a few failures are put together by their cause, with an example of each.
    """
    order = order_of(sort)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        failed = _failed(opened, paths or [], (cause or "").lower(), order)
        if json:
            for node in failed:
                output.say_json({**output.to_values(node), **_next(opened, node), **_seen(opened, node)})
        elif not (_say_each(opened, failed) if every or cause else _say_causes(opened, failed, paths or [])):
            output.say("nothing failed" + (" of that cause" if cause else "") + _so_far(opened.run))


def _failed(
    opened: OpenRun, paths: list[str], cause: str, order: qs.NodeOrder.ValueType
) -> Iterator[query_pb2.Node]:
    request = qs.ListNodesRequest(
        path=opened.run.ident,
        scope=qs.SCOPE_SUBTREE,
        globs=opened.below(paths),
        kinds=[common_pb2.NODE_KIND_JOB],
        outcomes=_FAILURES,
        order=order,
    )
    for page in pages(opened.ask.list_nodes, request):
        yield from (node for node in page.nodes if node.signature.startswith(cause))


def _so_far(run: query_pb2.Run) -> str:
    return " so far" if run.state == query_pb2.RUN_STATE_RUNNING else ""


def _say_each(opened: OpenRun, failed: Iterable[query_pb2.Node]) -> bool:
    """All that is known about each; whether there is any."""
    count = 0
    for count, node in enumerate(failed, 1):
        if count > 1:
            output.say()
        _say(opened, node)
    return count > 0


def _say_causes(opened: OpenRun, failed: Iterable[query_pb2.Node], paths: list[str]) -> bool:
    """A few failures one by one; of more each cause with an example; whether there is any."""
    causes = Causes[query_pb2.Node]()
    few: list[query_pb2.Node] = []
    for node in failed:
        causes.add(node.signature, node)
        if len(few) < FEW:
            few.append(node)
    if causes.number <= FEW:
        return _say_each(opened, few)
    shown = causes.by_frequency()
    seen = opened.home.sightings()
    new = f", {seen.headline(cause.signature for cause in shown)}" if seen is not None else ""
    output.say(causes.headline() + new)
    for cause in shown:
        output.say()
        _say_cause(opened, cause, causes.number, paths)
    if len(shown) < len(causes):
        output.say()
        output.say(f"{len(causes) - len(shown):,} further causes are not shown: gator failures --all")
    return True


def _say_cause(opened: OpenRun, cause: Cause[query_pb2.Node], of: int, paths: list[str]) -> None:
    node = cause.example
    reason = output.reason(node.reason) or output.state_of(node)
    output.say(output.paint(f"{cause.count:,} of {of:,}: {reason}", output.state_of(node)))
    _say(opened, node)
    if cause.count > 1:
        words = ["gator", "failures", *paths, "--cause", cause.signature, "-r", opened.home.name]
        output.say(f"  others: {shlex.join(words)}")


def _say(opened: OpenRun, node: query_pb2.Node) -> None:
    output.say(f"{_name(node)}: {node.message}")
    error = one_line(node.first_error.text)
    if error and error not in node.message:
        output.say(f"  {output.place(node.first_error)}: {error}")
    seen = opened.home.sightings()
    if seen is not None:
        output.say(f"  seen:   {seen.words(node.signature)}")
    _say_next(opened, node)


def _name(node: query_pb2.Node) -> str:
    """What came of which job: `failed top/x`."""
    state = output.state_of(node)
    allowed = output.paint(" (allowed to fail)", "dim") if node.allow_failure else ""
    return f"{output.paint(state, state)} {output.paint(node.path, 'path')}{allowed}"


def _say_next(opened: OpenRun, node: query_pb2.Node) -> None:
    words = _next(opened, node)
    if words["log"]:
        output.say(f"  log:    {words['log']}")
    output.say(f"  output: {words['inspect']}")
    if words["reproduce"]:
        output.say(f"  again:  {words['reproduce']}")


def _seen(opened: OpenRun, node: query_pb2.Node) -> dict[str, Any]:
    """What a hub knows of such failures; nothing of a run in a folder."""
    seen = opened.home.sightings()
    return seen.values(node.signature) if seen is not None else {}


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
