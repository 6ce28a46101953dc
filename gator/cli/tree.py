"""`gator tree`: the nodes of a run as a tree. Rule: however many there are, few are held at once."""

from collections.abc import Iterator
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run
from gator.cli.selector_options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.cli.sorting import SortOption, order_of
from gator.cli.status import began, reasons
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
        typer.Option("--depth", "-d", min=0, metavar="N", help="Most levels below PATH; default all."),
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome", "-o", metavar="OUTCOME", help="Only nodes with this outcome; may be repeated."
        ),
    ] = None,
    sort: SortOption = "spec",
    json: JsonOption = False,
) -> None:
    """Print the tree of nodes, each with its outcome, time and number of jobs.

    Nodes that have not started are shown too, the repeats of a node as one line. With --outcome, or an order
    other than that of the spec, print a list of paths instead.
    """
    outcomes = [output.choice(common_pb2.Outcome.DESCRIPTOR, text, "--outcome") for text in outcome or []]
    wanted = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, levels=depth or 0, order=order_of(sort))
    if depth == 0:
        wanted.scope = qs.SCOPE_NODE
    wanted.outcomes.extend(map(common_pb2.Outcome.ValueType, outcomes))
    is_list = bool(outcomes) or wanted.order != qs.NODE_ORDER_SPEC
    wanted.with_waiting = not is_list and depth != 0
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        wanted.path = opened.path_of(path)
        least = wanted.path.count("/")
        for node in _nodes(opened, wanted):
            level = node.path.count("/") - least
            if json:
                output.say_json(node)
            else:
                output.say(_line(opened.run, node, 0 if is_list else level, whole=is_list or not level))


def _nodes(opened: OpenRun, wanted: qs.ListNodesRequest) -> Iterator[query_pb2.Node]:
    for page in pages(opened.ask.list_nodes, wanted):
        yield from page.nodes


def _line(run: query_pb2.Run, node: query_pb2.Node, level: int, *, whole: bool) -> str:
    name = node.path if whole else node.path.rpartition("/")[2]
    state = output.state_of(node)
    parts = [f"{'  ' * level}{name}", output.paint(state, state)]
    span = output.took(node.usage, began(run, node), node.ended_unix_nanos)
    if span:
        parts.append(output.paint(span, "dim"))
    if node.kind != common_pb2.NODE_KIND_JOB:
        parts.append(f"({output.tally(node.tally)})")
    elif node.message:
        parts.append(node.message)
    elif node.tally.waiting > 1:
        # Repeats that have not started are shown as one.
        parts.append(f"({output.jobs(node.tally.waiting)})")
    if node.waiting_for:
        parts.append(f"for {reasons(node.waiting_for)}")
    if node.kind == common_pb2.NODE_KIND_JOB and node.attempts > 1:
        parts.append(f"[attempt {node.attempts}]")
    return "  ".join(parts)
