"""`gator metrics`: numbers that jobs reported, folded upwards. Rule: a value is never rounded in JSON."""

from collections.abc import Iterator
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_hub import HubCaOption, HubChoice, HubOption
from gator.cli.selector_open import OpenRun, open_run
from gator.cli.selector_options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.v1 import event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


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
        rows = list[tuple[str, ...]]()
        for node in _metrics(opened, opened.path_of(path), name or []):
            if json:
                output.say_json(node)
                continue
            rows.extend(
                (
                    output.paint(node.path, "path"),
                    metric.name,
                    output.number(metric.value),
                    metric.unit,
                    _folded(metric),
                )
                for metric in node.metrics
            )
        if not json:
            output.columns(rows, right=frozenset((2,)))
            if not rows:
                output.say(f"no metrics named {' or '.join(name)}" if name else "no metrics")


def _metrics(opened: OpenRun, path: str, names: list[str]) -> Iterator[query_pb2.NodeMetrics]:
    request = qs.ListMetricsRequest(path=path, names=names)
    for page in pages(opened.ask.list_metrics, request):
        yield from page.nodes


def _folded(metric: event_pb2.MetricTotal) -> str:
    if metric.count <= 1:
        return ""
    kind = output.word(event_pb2.MetricKind.DESCRIPTOR, metric.kind) or "sum"
    return f"{kind} of {metric.count:,}"
