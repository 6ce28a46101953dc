"""`gator failures`: explains each failure.

Invariant: each failure names the command that repeats it, if its command line is known.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Final

import typer
from msgspec import Struct

from gator.cli import output
from gator.cli.json_output import say_json, to_values
from gator.cli.options.number import MAX_ROWS, limit_of, number_option, say_more
from gator.cli.options.sort import SortOption, order_of
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import pages
from gator.cli.sources.failure_overlay import FailedIn, OverlaidRun, later_part, line_of, overlay_repeats
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, RunOption, TrackingOption, complete_path
from gator.console import describe
from gator.core.history.failure_groups import FEW, FailedJob, grouped
from gator.core.launch.printed import about_node, command
from gator.core.launch.rerun import job_command, launch_of
from gator.core.outcomes import FAILURES
from gator.units import plural
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_LISTED: Final = 1000
"""Maximum number of causes that are compared with those of other runs."""


def failures(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Nodes or globs; default: the root. Everything below a node is included.",
            autocompletion=complete_path,
        ),
    ] = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Show every failure, even if many have the same cause.")
    ] = False,
    cause: Annotated[
        str | None,
        typer.Option(
            "--cause",
            metavar="SIGNATURE",
            help="Show every failure of this cause; the beginning of the signature is enough.",
        ),
    ] = None,
    sort: SortOption = "spec",
    number: Annotated[int | None, number_option(MAX_ROWS, "causes, or failures of one cause")] = None,
    json: JsonOption = False,
) -> None:
    """Explain each failure: reason, first error, log, and the command that repeats it.

    More than five failures are grouped by cause, with an example of each. Without -r, and with -r latest or
    an ident, the reruns of the run are overlaid on it: the newest outcome of each job counts.
    """
    order, limit = order_of(sort), limit_of(number, MAX_ROWS, json=json or every)
    with open_run(line_of(run), tracking, HubChoice(hub, hub_ca)) as opened:
        laid = overlay_repeats(opened, run)
        if run is None and (later := later_part(opened, laid, tracking)):
            output.complain(f"gator: {later}")
        failed = _failed(opened, laid, opened.below(paths or []), (cause or "").lower(), order)
        if json:
            for failure in islice(failed, limit):
                say_json(
                    {**to_values(failure.node), "run": failure.run.id, **_next(failure), **_seen(failure)}
                )
            return
        if laid is not None:
            output.say(laid.headline())
        if every or cause:
            has_printed = _say_each(islice(failed, limit))
            if limit and (left := sum(1 for _ in failed)):
                output.say()
                say_more("failure", left)
        elif laid is not None:
            has_printed = _say_causes(opened, _grouped(list(failed)), paths or [], limit)
        else:
            has_printed = _say_causes(opened, _listed(opened, paths or [], order), paths or [], limit)
        if not has_printed:
            output.say("nothing failed" + (" of that cause" if cause else "") + _so_far(opened.run))


def _failed(
    opened: OpenRun,
    laid: OverlaidRun | None,
    globs: Sequence[str],
    signature: str,
    order: qs.NodeOrder.ValueType,
) -> Iterator[FailedIn]:
    """Yields the failures in an order."""
    known = _signatures(opened, signature)
    if laid is not None:
        yield from (one for one in laid.failed(globs, order) if _has_cause(one.node, signature, known))
        return
    request = qs.ListNodesRequest(
        path=opened.run.ident,
        scope=qs.SCOPE_SUBTREE,
        globs=globs,
        kinds=[common_pb2.NODE_KIND_JOB],
        outcomes=sorted(FAILURES),
        order=order,
    )
    for page in pages(opened.api.list_nodes, request):
        for node in page.nodes:
            if _has_cause(node, signature, known):
                yield FailedIn(node, opened.run, opened.source)


def _signatures(opened: OpenRun, name: str) -> Collection[str]:
    """Returns the signatures in the run that `name` stands for, which may be one of an earlier version."""
    if not name:
        return ()
    request = qs.ListFailuresRequest(signature=name)
    return {group.signature for page in pages(opened.api.list_failures, request) for group in page.groups}


def _has_cause(node: query_pb2.Node, name: str, known: Collection[str]) -> bool:
    return node.signature in known or any(
        each.startswith(name) for each in (node.signature, node.former_signature)
    )


class _Causes(Struct, frozen=True):
    """The causes of failures that are listed, each with an example."""

    jobs: int
    causes: int
    groups: Sequence[tuple[int, FailedIn]]
    """Number of jobs and an example of each, the most frequent first."""
    few: Callable[[], Iterable[FailedIn]]
    """Every failure if there are only a few, else empty."""


def _listed(opened: OpenRun, paths: Sequence[str], order: qs.NodeOrder.ValueType) -> _Causes:
    """Returns the causes in one run, as listed by its folder or hub."""
    globs = opened.below(paths)
    request = qs.ListFailuresRequest(path=opened.run.ident, globs=globs, page_size=_MAX_LISTED)
    page = opened.api.list_failures(request)
    groups = [(group.jobs, FailedIn(group.example, opened.run, opened.source)) for group in page.groups]
    return _Causes(page.jobs, page.causes, groups, lambda: _failed(opened, None, globs, "", order))


def _grouped(failed: Sequence[FailedIn]) -> _Causes:
    """Returns the causes of failures in several runs."""
    by_path = {failure.node.path: failure for failure in failed}
    groups = grouped(
        FailedJob(path, one.node.signature, one.node.first_failure_unix_nanos)
        for path, one in by_path.items()
    )
    examples = [(group.jobs, by_path[group.path]) for group in groups[:_MAX_LISTED]]
    return _Causes(len(failed), len(groups), examples, lambda: failed)


def _so_far(run: query_pb2.Run) -> str:
    return " so far" if run.state == query_pb2.RUN_STATE_RUNNING else ""


def _say_each(failed: Iterable[FailedIn]) -> bool:
    """Prints each failure in full. Returns whether there is one."""
    count = 0
    for count, failure in enumerate(failed, 1):
        if count > 1:
            output.say()
        _say(failure)
    return count > 0


def _say_causes(opened: OpenRun, found: _Causes, paths: Sequence[str], limit: int | None) -> bool:
    """Prints few failures individually, more by cause with an example. Returns whether there is one."""
    if found.jobs <= FEW:
        return _say_each(found.few())
    seen = opened.source.sightings(opened.run)
    signatures = [group.node.signature for _, group in found.groups]
    some = "at least " if len(signatures) < found.causes else ""
    headline = seen.headline(signatures) if seen is not None else ""
    new = f", {some}{headline}" if headline else ""
    output.say(f"{plural(found.jobs, 'failure')}, {plural(found.causes, 'cause')}{new}")
    shown = found.groups[:limit]
    for jobs, example in shown:
        output.say()
        _say_cause(opened, jobs, example, found.jobs, paths)
    if len(shown) < found.causes:
        jobs = plural(found.jobs - sum(jobs for jobs, _ in shown), "failure")
        output.say()
        say_more("cause", found.causes - len(shown), about=jobs)
    return True


def _say_cause(opened: OpenRun, jobs: int, example: FailedIn, of: int, paths: Sequence[str]) -> None:
    node = example.node
    reason = describe.reason(node.reason) or describe.state(node)
    output.say(output.paint(f"{jobs:,} of {of:,}: {reason}", describe.state(node)))
    _say(example)
    if jobs > 1:
        others = command("failures", *paths, "--cause", node.signature, where=opened.source.where)
        output.say(f"  others: {others}")


def _say(failure: FailedIn) -> None:
    node = failure.node
    output.say(f"{_name(node)}: {node.message}")
    error = describe.headline(node.first_error)
    if error and error not in node.message:
        output.say(f"  {output.painted_place(node.first_error)}: {error}")
    seen = failure.source.sightings(failure.run)
    if seen is not None:
        output.say(f"  seen:   {seen.describe(node.signature)}")
    _say_next(failure)


def _name(node: query_pb2.Node) -> str:
    """Returns the outcome and path of a job: `failed top/x`."""
    state = describe.state(node)
    allowed = output.paint(" (allowed)", "dim") if node.allow_failure else ""
    return f"{output.paint(state, state)} {output.paint(node.path, 'path')}{allowed}"


def _say_next(failure: FailedIn) -> None:
    found = _next(failure)
    if found["log"]:
        output.say(f"  log:    {found['log']}")
    output.say(f"  output: {found['inspect']}")
    if found["reproduce"]:
        output.say(f"  again:  {found['reproduce']}")
    if found["needs"]:
        output.say(f"  needs:  {found['needs']}")


def _seen(failure: FailedIn) -> dict[str, Any]:
    """Returns where such failures were seen before; empty if no other run is known."""
    seen = failure.source.sightings(failure.run)
    return seen.values(failure.node.signature) if seen is not None else {}


def _next(failure: FailedIn) -> dict[str, str | None]:
    """Returns the text log, and the commands that print the output and run the job again."""
    log = failure.source.text_log(failure.node.path)
    return {
        "log": str(log) if log is not None else None,
        "inspect": about_node("logs", failure.node.path, failure.source.where),
        "reproduce": job_command(failure.run, failure.node),
        "needs": "; ".join(filter(None, (launch_of(failure.run).needs, failure.source.needs))) or None,
    }
