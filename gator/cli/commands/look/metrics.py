"""`gator metrics`: the numbers that jobs reported, folded in groups.

Invariant: a value is not rounded in JSON.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.json_output import say_json
from gator.cli.options.number import MAX_LINES, limit_of, number_option, say_more
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import MAX_PAGE, pages
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.console import describe
from gator.core.text import shorten_values
from gator.spec.suggestions import did_you_mean
from gator.units import some_of
from gator.v1 import event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

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
    number: Annotated[int | None, number_option(MAX_LINES, "metrics")] = None,
    json: JsonOption = False,
) -> None:
    """List the metrics that jobs reported.

    The list has the metrics of PATH and of all nodes below it. A group has the metrics of its jobs, folded.
    """
    limit = limit_of(number, MAX_LINES, json=json)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        top, names = opened.path_of(path), name or []
        if json:
            for node in _bounded(_metrics(opened, top, names, limit), limit):
                say_json(node)
            return
        # The node after the last one that is shown tells whether that one is a group.
        nodes = list(_bounded(_metrics(opened, top, names, limit), limit, further=1))
        rows = _rows(nodes)
        output.say_columns(rows[:limit], right=frozenset((2,)))
        if limit and len(rows) > limit:
            say_more("metric")
        if not nodes:
            output.say(_nothing(opened, top, names))


def _bounded(
    nodes: Iterable[query_pb2.NodeMetrics], limit: int | None, *, further: int = 0
) -> Iterator[query_pb2.NodeMetrics]:
    """Yields nodes until they have `limit` metrics, then up to `further` nodes."""
    found = 0
    for node in nodes:
        if limit is not None and found >= limit:
            if not further:
                return
            further -= 1
        found += len(node.metrics)
        yield node


def _rows(nodes: Sequence[query_pb2.NodeMetrics]) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for node, after in zip_longest(nodes, nodes[1:]):
        # A group has the metrics of its jobs, and the first of these comes next.
        is_group = after is not None and after.path.startswith(f"{node.path}/")
        path = output.paint(node.path, "path")
        rows += [
            (
                path,
                metric.name,
                describe.number(metric.value),
                metric.unit,
                _folded(metric, is_group=is_group),
            )
            for metric in node.metrics
        ]
    return rows


def _metrics(
    opened: OpenRun, path: str, names: list[str], limit: int | None = None
) -> Iterator[query_pb2.NodeMetrics]:
    page_size = min(limit + 1, MAX_PAGE) if limit else 0
    request = qs.ListMetricsRequest(path=path, names=names, page_size=page_size)
    for page in pages(opened.api.list_metrics, request):
        yield from page.nodes


def _nothing(opened: OpenRun, path: str, names: list[str]) -> str:
    """Returns the text for a node without metrics of these names."""
    if not names:
        return "no metrics"
    there = sorted({metric.name for node in _metrics(opened, path, []) for metric in node.metrics})
    hint = "".join(did_you_mean(name, there) for name in names)
    if not hint and there:
        hint = f"; there are {some_of(there, _MAX_NAMES)}"
    return shorten_values(f"no metrics named {' or '.join(names)}{hint}")


def _folded(metric: event_pb2.MetricTotal, *, is_group: bool) -> str:
    if metric.count <= 1:
        return ""
    kind = describe.enum_name(event_pb2.MetricKind.DESCRIPTOR, metric.kind) or "last"
    if kind == "last" and is_group:
        return "sum over the jobs"
    return f"{kind} of {metric.count:,}"
