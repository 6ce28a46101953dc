"""`gator resources`: what jobs used and what they requested.

Invariant: a value that was not measured is a dash.
"""

from itertools import islice
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json, to_values
from gator.cli.options.number import MAX_LINES, limit_of, number_option, print_omitted
from gator.cli.options.sort import SortOption, order_of
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.runs.paging import listed_nodes
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.console import describe
from gator.units import size_text, span
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_BARS = " ▁▂▃▄▅▆▇█"


def resources(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    points: Annotated[
        int,
        typer.Option(
            "--points", min=1, max=10_000, metavar="N", help="Draw the curve of a single job with N points."
        ),
    ] = 60,
    sort: SortOption = "spec",
    number: Annotated[int | None, number_option(MAX_LINES, "jobs")] = None,
    json: JsonOption = False,
) -> None:
    """Compare the time, processor and memory that jobs used with their requests.

    Requests are cores, memory and licenses. For a single job, the usage over time is shown too.
    """
    order, limit = order_of(sort), limit_of(number, MAX_LINES, json=json)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        node = opened.api.get_node(qs.GetNodeRequest(path=opened.path_of(path))).node
        single = node.kind == common_pb2.NODE_KIND_JOB
        curve = _curve(opened, node.path, points) if single else []
        request = qs.ListNodesRequest(
            path=node.path, scope=qs.SCOPE_SUBTREE, kinds=[common_pb2.NODE_KIND_JOB], order=order
        )
        jobs, total = listed_nodes(opened.api, request, limit)
        shown = list(islice(jobs, limit)) if limit else jobs
        if json:
            for job in shown:
                values = to_values(job)
                kept = ("path", "demand", "usage", "attempts", "outcome")
                answer = {key: values[key] for key in kept}
                if single:
                    answer["samples"] = [to_values(point) for point in curve]
                print_json(answer)
            return
        rows = [("job", "wall", "processor", "cores", "memory", "requested")]
        rows += [_row(job) for job in shown]
        output.echo_columns(rows, right=frozenset((1, 2, 3, 4)))
        if limit is not None and next(jobs, None) is not None:
            print_omitted("job", total() - limit)
        if curve:
            _print_curve(curve)


def _row(node: query_pb2.Node) -> tuple[str, ...]:
    asked = describe.demand(node.demand)
    if not node.HasField("usage"):
        return (output.paint(node.path, "path"), "-", "-", "-", "-", asked)
    used = node.usage
    cpu = used.user_nanos + used.system_nanos
    memory = size_text(used.peak_memory_bytes) if used.HasField("peak_memory_bytes") else "-"
    return (
        output.paint(node.path, "path"),
        span(used.wall_nanos),
        span(cpu),
        f"{cpu / used.wall_nanos:.2f}" if used.wall_nanos else "-",
        memory,
        asked,
    )


def _curve(opened: OpenRun, path: str, points: int) -> list[query_pb2.ResourcePoint]:
    return list(opened.api.list_samples(qs.ListSamplesRequest(path=path, points=points)).points)


def _print_curve(curve: list[query_pb2.ResourcePoint]) -> None:
    output.echo()
    cores = [point.cores for point in curve]
    memory = [float(point.memory_bytes) for point in curve]
    output.echo(f"cores   {_bars(cores)}  at most {max(cores):.2f}")
    output.echo(f"memory  {_bars(memory)}  at most {size_text(int(max(memory)))}")


def _bars(values: list[float]) -> str:
    top = max(values) or 1.0
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in values)
