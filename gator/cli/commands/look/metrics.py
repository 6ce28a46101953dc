"""`gator metrics`: the numbers that jobs reported, combined in groups."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.metrics import csv_text, openmetrics_text
from gator.cli.metrics.statistics import rounded_quantile
from gator.cli.options.number import MAX_LINES, limit_of, number_option, print_omitted
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import MAX_PAGE, pages
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.console import describe
from gator.core.text import shorten_values
from gator.enum_names import enum_name
from gator.errors import UsageError
from gator.spec.suggestions import did_you_mean
from gator.v1 import event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_FORMATS: Final = ("table", "csv", "json", "openmetrics")
_HEAD: Final = (
    "node",
    "metric",
    "value",
    "unit",
    "kind",
    "count",
    "min",
    "mean",
    "p50",
    "p95",
    "max",
    "sum",
)
_NUMBERS: Final = frozenset((2, *range(5, len(_HEAD))))
"""Columns that are aligned to the right."""
_MAX_NAMES: Final = 10
"""Maximum number of names that are listed if there is no metric of the wanted name."""


def metrics(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", help="Show only metrics of this name; may be repeated."),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option("--depth", metavar="N", min=0, help="Show at most N levels below PATH."),
    ] = None,
    format_: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="Print as table, csv, json or openmetrics."),
    ] = "table",
    number: Annotated[int | None, number_option(MAX_LINES, "metrics")] = None,
    json: JsonOption = False,
) -> None:
    """List the metrics that jobs reported.

    Includes PATH and all nodes below it. A group combines the values of all its jobs.
    """
    written = "json" if json else format_.lower()
    if written not in _FORMATS:
        raise UsageError(f"--format {format_}: must be one of {', '.join(_FORMATS)}")
    limit = limit_of(number, MAX_LINES, json=written != "table")
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        request = qs.ListMetricsRequest(path=opened.path_of(path), names=name or [], depth=depth)
        if written == "table":
            _print_table(opened, request, limit)
        else:
            _print_for_programs(opened, request, limit, written)


def _print_for_programs(
    opened: OpenRun, request: qs.ListMetricsRequest, limit: int | None, written: str
) -> None:
    nodes = _bounded(_metrics(opened, request, limit), limit)
    match written:
        case "json":
            for node in nodes:
                print_json(node)
        case "csv":
            sys.stdout.write(csv_text(nodes))
        case _:
            sys.stdout.write(openmetrics_text(opened.run, nodes))


def _print_table(opened: OpenRun, request: qs.ListMetricsRequest, limit: int | None) -> None:
    nodes = list(_bounded(_metrics(opened, request, limit), limit, further=1))
    rows = [row for node in nodes for row in _rows(node)]
    if not rows:
        output.echo(_nothing(opened, request))
        return
    output.echo_columns([_HEAD, *rows[:limit]], right=_NUMBERS)
    if limit and len(rows) > limit:
        print_omitted("metric")


def _bounded(
    nodes: Iterable[query_pb2.NodeMetrics], limit: int | None, *, further: int = 0
) -> Iterator[query_pb2.NodeMetrics]:
    """Yields nodes until they have `limit` metrics, then up to `further` nodes."""
    count = 0
    for node in nodes:
        if limit is not None and count >= limit:
            if not further:
                return
            further -= 1
        count += len(node.metrics) + len(node.running)
        yield node


def _rows(node: query_pb2.NodeMetrics) -> Iterator[tuple[str, ...]]:
    for totals, suffix in ((node.metrics, ""), (node.running, " (running)")):
        for total in totals:
            path, name = output.paint(node.path, "path"), f"{total.name}{suffix}"
            yield (path, name, describe.number(total.value), total.unit, *_statistics(total))


def _statistics(total: event_pb2.MetricTotal) -> Iterator[str]:
    """Yields kind and statistics of a metric; empty for a single value, which all of them are."""
    if total.count <= 1:
        yield from [""] * (len(_HEAD) - 4)
        return
    yield enum_name(event_pb2.MetricKind.DESCRIPTOR, total.kind) or "last"
    yield f"{total.count:,}"
    quantiles = [rounded_quantile(quantile.value, total) for quantile in total.quantiles] or ["-", "-"]
    mean = describe.number(total.mean) if total.HasField("mean") else "-"
    yield from (describe.number(total.min), mean, *quantiles, describe.number(total.max))
    yield describe.number(total.sum) if total.HasField("sum") else "-"


def _metrics(
    opened: OpenRun, request: qs.ListMetricsRequest, limit: int | None = None
) -> Iterator[query_pb2.NodeMetrics]:
    request.page_size = min(limit + 1, MAX_PAGE) if limit else 0
    for page in pages(opened.api.list_metrics, request):
        yield from page.nodes


def _nothing(opened: OpenRun, request: qs.ListMetricsRequest) -> str:
    """Returns the text for a node without metrics of these names."""
    names = list(request.names)
    if not names:
        return "no metrics"
    every = qs.ListMetricsRequest(path=request.path)
    there = sorted({metric.name for node in _metrics(opened, every) for metric in node.metrics})
    hint = "".join(did_you_mean(name, there) for name in names)
    if not hint and there:
        rest = f" and {len(there) - _MAX_NAMES:,} more" if len(there) > _MAX_NAMES else ""
        hint = f"; there are {', '.join(there[:_MAX_NAMES])}{rest}"
    return shorten_values(f"no metrics named {' or '.join(names)}{hint}")
