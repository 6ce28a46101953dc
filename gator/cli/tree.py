"""`gator tree`: the nodes of a run as a tree. Rule: however many there are, few are held at once."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run
from gator.cli.selector_options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.cli.status import began
from gator.cli.tree_order import in_order
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
    json: JsonOption = False,
) -> None:
    """The tree of nodes, each with its outcome, time and number of jobs.

    With --outcome it is a list of paths instead of a tree.
    """
    outcomes = [output.choice(common_pb2.Outcome.DESCRIPTOR, text, "--outcome") for text in outcome or []]
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        top = opened.path_of(path)
        least = top.count("/")
        nodes = _nodes(opened, top, outcomes)
        if depth is not None:
            most = least + depth
            nodes = (node for node in nodes if node.path.count("/") <= most)
        for node in in_order(nodes, lambda: _spec_order(opened)):
            level = node.path.count("/") - least
            if json:
                output.say_json(node)
            else:
                output.say(
                    _line(opened.run, node, 0 if outcomes else level, whole=bool(outcomes) or not level)
                )


def _nodes(opened: OpenRun, path: str, outcomes: list[int]) -> Iterator[query_pb2.Node]:
    request = qs.ListNodesRequest(path=path, scope=qs.SCOPE_SUBTREE, order=qs.NODE_ORDER_PATH)
    request.outcomes.extend(map(common_pb2.Outcome.ValueType, outcomes))
    for page in pages(opened.ask.list_nodes, request):
        yield from page.nodes


def _spec_order(opened: OpenRun) -> Sequence[str]:
    return opened.ask.get_run(qs.GetRunRequest(with_order=True)).order


def _line(run: query_pb2.Run, node: query_pb2.Node, level: int, *, whole: bool) -> str:
    name = node.path if whole else node.path.rpartition("/")[2]
    state = output.state_of(node)
    parts = [f"{'  ' * level}{name}", output.paint(state, state)]
    start = began(run, node)
    if start and node.ended_unix_nanos:
        parts.append(output.paint(output.duration(node.ended_unix_nanos - start), "dim"))
    if node.kind != common_pb2.NODE_KIND_JOB:
        parts.append(f"({output.tally(node.tally)})")
    elif node.message:
        parts.append(node.message)
    if node.kind == common_pb2.NODE_KIND_JOB and node.attempts > 1:
        parts.append(f"[attempt {node.attempts}]")
    return "  ".join(parts)
