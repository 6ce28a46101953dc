"""`gator tree`: the nodes of a run as a tree.

Invariant: at most one page of nodes is held in memory.
"""

from itertools import islice
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.options.enums import enum_option
from gator.cli.options.number import MAX_LINES, limit_of, number_option, print_omitted
from gator.cli.options.sort import SortOption, order_of
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import listed_nodes
from gator.cli.sources.open import open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.console import describe
from gator.errors import UsageError
from gator.units import plural
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


def tree(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-d", min=0, metavar="N", help="Show at most N levels below PATH; default: all."
        ),
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome", "-o", metavar="OUTCOME", help="Show only nodes with this outcome; may be repeated."
        ),
    ] = None,
    noisy: Annotated[
        bool,
        typer.Option("--noisy", help="Show only jobs that passed although their output has errors."),
    ] = False,
    flaky: Annotated[
        bool,
        typer.Option("--flaky", help="Show only jobs that passed in an attempt after one that had failed."),
    ] = False,
    sort: SortOption = "spec",
    number: Annotated[int | None, number_option(MAX_LINES, "nodes")] = None,
    json: JsonOption = False,
) -> None:
    """Show the tree of nodes with their outcomes.

    Nodes that have not started are included; the repeats of a node are then one line. With --outcome,
    --noisy, --flaky, or an order other than that of the spec, a list of paths is shown instead of a tree.
    """
    outcomes = [enum_option(common_pb2.Outcome, text, "--outcome") for text in outcome or []]
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, levels=depth or 0, order=order_of(sort))
    if depth == 0:
        request.scope = qs.SCOPE_NODE
    if noisy:
        if outcomes:
            raise UsageError("--noisy shows jobs that passed: leave out --outcome")
        outcomes = [common_pb2.OUTCOME_PASSED]
        request.with_errors = True
    if flaky:
        # With `flaky: fail` such a job has failed.
        outcomes = outcomes or [common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED]
    if noisy or flaky:
        request.kinds.append(common_pb2.NODE_KIND_JOB)
    request.outcomes.extend(map(common_pb2.Outcome.ValueType, outcomes))
    is_list = bool(outcomes) or request.order != qs.NODE_ORDER_SPEC
    request.with_waiting = not is_list and depth != 0
    limit = limit_of(number, MAX_LINES, json=json)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        request.path = opened.path_of(path)
        base_depth = request.path.count("/")
        nodes, total = listed_nodes(opened.api, request, None if flaky else limit)
        if flaky:
            nodes = (node for node in nodes if node.tally.flaky)
        for node in islice(nodes, limit):
            level = node.path.count("/") - base_depth
            if json:
                print_json(node)
            else:
                output.echo(_line(opened.run, node, 0 if is_list else level, whole=is_list or not level))
        if limit is not None and not json and next(nodes, None) is not None:
            # Nodes that have not started yet are not counted.
            is_live = opened.run.state == query_pb2.RUN_STATE_RUNNING
            hint = "" if depth or is_list else "-d 1 one level"
            print_omitted("node", None if is_live or flaky else total() - limit, hint=hint)


def _line(run: query_pb2.Run, node: query_pb2.Node, level: int, *, whole: bool) -> str:
    name = node.path if whole else node.path.rpartition("/")[2]
    state = describe.state(node)
    parts = [f"{'  ' * level}{name}", output.paint(state, state)]
    took = describe.took(node.usage, describe.start_of(run, node), node.ended_unix_nanos)
    if took:
        parts.append(output.paint(took, "dim"))
    if node.kind != common_pb2.NODE_KIND_JOB:
        parts.append(f"({output.painted_tally(node.tally)})")
    elif node.message:
        parts.append(node.message)
    elif done := describe.progress(node.progress):
        parts.append(done)
    elif node.tally.waiting > 1:
        # Repeats that have not started are shown as one.
        parts.append(f"({plural(node.tally.waiting, 'job')})")
    if node.cause:
        parts.append(output.paint(f"[{describe.cause(node)}]", "dim"))
    if node.waiting_for:
        parts.append(f"for {describe.waiting_reasons(node.waiting_for)}")
    if node.kind == common_pb2.NODE_KIND_JOB and node.attempts > 1:
        flaky = "flaky, " if node.tally.flaky else ""
        parts.append(f"[{flaky}attempt {node.attempts}]")
    return "  ".join(parts)
