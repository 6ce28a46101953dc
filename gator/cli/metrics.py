"""`gator metrics`: numbers that jobs reported, folded upwards. Rule: a value is never rounded in JSON."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run
from gator.cli.selector_options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.spec.suggest import did_you_mean
from gator.v1 import event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_NAMES: Final = 10
"""Maximum number of names that are offered where there are no metrics of a name."""


def metrics(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", "-n", metavar="NAME", help="Only metrics of this name; may be repeated."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The metrics of a node and of all below it; groups have those of their jobs, folded."""
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        top, names = opened.path_of(path), name or []
        if json:
            for node in _metrics(opened, top, names):
                output.say_json(node)
            return
        nodes = list(_metrics(opened, top, names))
        output.columns(_rows(nodes), right=frozenset((2,)))
        if not nodes:
            output.say(_nothing(opened, top, names))


def _rows(nodes: Sequence[query_pb2.NodeMetrics]) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for node, after in zip_longest(nodes, nodes[1:]):
        # A group has the metrics of its jobs, and the first of these comes next.
        is_group = after is not None and after.path.startswith(f"{node.path}/")
        path = output.paint(node.path, "path")
        rows += [
            (path, metric.name, output.number(metric.value), metric.unit, _folded(metric, is_group=is_group))
            for metric in node.metrics
        ]
    return rows


def _metrics(opened: OpenRun, path: str, names: list[str]) -> Iterator[query_pb2.NodeMetrics]:
    request = qs.ListMetricsRequest(path=path, names=names)
    for page in pages(opened.ask.list_metrics, request):
        yield from page.nodes


def _nothing(opened: OpenRun, path: str, names: list[str]) -> str:
    """Returns what is said where there are no metrics of these names."""
    if not names:
        return "no metrics"
    there = sorted({metric.name for node in _metrics(opened, path, []) for metric in node.metrics})
    hint = "".join(did_you_mean(name, there) for name in names)
    if not hint and there:
        rest = f" and {len(there) - _MAX_NAMES:,} more" if len(there) > _MAX_NAMES else ""
        hint = f"; there are {', '.join(there[:_MAX_NAMES])}{rest}"
    return f"no metrics named {' or '.join(names)}{hint}"


def _folded(metric: event_pb2.MetricTotal, *, is_group: bool) -> str:
    if metric.count <= 1:
        return ""
    kind = output.word(event_pb2.MetricKind.DESCRIPTOR, metric.kind) or "last"
    if kind == "last" and is_group:
        return "sum over the jobs"
    return f"{kind} of {metric.count:,}"
