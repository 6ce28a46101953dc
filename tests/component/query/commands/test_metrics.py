"""`gator metrics`: its formats, and what it says of a run that is still running."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client.openmetrics import parser
from typer.testing import Result

from gator.core.metrics import Totals
from gator.errors import UsageError
from gator.query import Queries
from gator.store.run.reader import FolderReader
from gator.v1 import event_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

Gator = Callable[..., Result]
MAX = event_pb2.METRIC_KIND_MAX
SUM = event_pb2.METRIC_KIND_SUM


def totals(name: str, *values: float, kind: event_pb2.MetricKind.ValueType = MAX) -> event_pb2.MetricTotal:
    made = Totals()
    for value in values:
        made.add(event_pb2.Metric(name=name, value=value, kind=kind, unit="s"))
    return made.totals()[0]


def metric(path: str, at: float, value: float) -> event_pb2.Event:
    return runs.event(path, at, 1, metric=event_pb2.Metric(name="time", value=value, kind=MAX, unit="s"))


@pytest.fixture
def builder(tracking: Path) -> runs.RunBuilder:
    """A group of three jobs: one has ended, one runs, one waits."""
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1), runs.job("top/bad", 0.2))
    builder.write_elsewhere(
        runs.started("top/good", 1),
        metric("top/good", 1.2, 4),
        runs.finished("top/good", 2),
        runs.started("top/bad", 1),
        metric("top/bad", 1.3, 9),
        metric("top/bad", 1.4, 7),
    )
    ended = [totals("time", 4, 6), totals("x.y", -1, 3, kind=SUM), totals("x_y", 2, kind=SUM)]
    builder.write(runs.result("top/good", 2.1, metrics=ended))
    return builder


@pytest.fixture
def ended(builder: runs.RunBuilder) -> None:
    builder.write(
        runs.result("top/bad", 3, metrics=[totals("time", 9, 7)]),
        runs.result("top", 3.1, metrics=[totals("time", 4, 6, 9, 7)]),
    )
    builder.end()


def test_attempts_that_run_are_shown_apart_from_what_has_ended(builder: runs.RunBuilder) -> None:
    with FolderReader.open(builder.folder.path, live=True) as reader:
        top, good, bad = Queries(reader).list_metrics(qs.ListMetricsRequest(names=["time"])).nodes
        (deep,) = Queries(reader).list_metrics(qs.ListMetricsRequest(names=["time"], depth=0)).nodes
    assert (top.path, good.path, bad.path) == ("top", "top/good", "top/bad")
    assert [(each.value, each.count, each.sum) for each in top.metrics] == [(6, 2, 10)]
    assert [(each.value, each.count, each.mean) for each in top.running] == [(9, 2, 8)]
    assert (good.metrics, good.running) == (top.metrics, [])
    assert (bad.metrics, bad.running) == ([], top.running)
    assert deep == top
    builder.end()


def test_all_nodes_that_run_are_listed_however_many_there_are(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    jobs = [f"top/many[{index}]" for index in range(1030)]
    builder.write(runs.group("top", 0, len(jobs), len(jobs)), *(runs.job(job, 0.1) for job in jobs))
    builder.write_elsewhere(*(event for job in jobs for event in (runs.started(job, 1), metric(job, 1.2, 4))))
    request = qs.ListMetricsRequest(page_size=600)
    pages: list[qs.ListMetricsResponse] = []
    with FolderReader.open(builder.folder.path, live=True) as reader:
        while not pages or request.page_token:
            pages.append(Queries(reader).list_metrics(request))
            request.page_token = pages[-1].next_page_token
    builder.end()
    assert [len(page.nodes) for page in pages] == [600, 431]
    listed = [node for page in pages for node in page.nodes]
    assert [node.path for node in listed] == ["top", *jobs]
    assert listed[0].running[0].count == len(jobs)


def test_a_page_has_no_more_nodes_than_requested_if_some_run(builder: runs.RunBuilder) -> None:
    request = qs.ListMetricsRequest(page_size=1)
    paths: list[str] = []
    with FolderReader.open(builder.folder.path, live=True) as reader:
        while not paths or request.page_token:
            page = Queries(reader).list_metrics(request)
            request.page_token = page.next_page_token
            (node,) = page.nodes
            paths.append(node.path)
    builder.end()
    assert paths == ["top", "top/good", "top/bad"]


def test_a_table_names_the_attempts_that_run(builder: runs.RunBuilder, gator: Gator) -> None:
    text = gator("metrics", "--name", "time").stdout
    builder.end()
    assert text.splitlines() == [
        "node      metric          value  unit  kind  count  min  mean   p50   p95  max  sum",
        "top       time                6  s     max       2    4     5  4.01  4.01    6   10",
        "top       time (running)      9  s     max       2    7     8  7.03  7.03    9   16",
        "top/good  time                6  s     max       2    4     5  4.01  4.01    6   10",
        "top/bad   time (running)      9  s     max       2    7     8  7.03  7.03    9   16",
    ]


@pytest.mark.usefixtures("ended")
def test_quantiles_can_be_chosen(builder: runs.RunBuilder) -> None:
    with FolderReader.open(builder.folder.path, live=False) as reader:
        request = qs.ListMetricsRequest(path="top", scope=qs.SCOPE_NODE, quantiles=[0, 1])
        (node,) = Queries(reader).list_metrics(request).nodes
        assert [quantile.rank for quantile in node.metrics[0].quantiles] == [0, 1]
        assert not node.metrics[0].HasField("sketch")
        for wrong in (1.5, -0.1, float("nan")):
            with pytest.raises(UsageError, match="invalid quantile"):
                Queries(reader).list_metrics(qs.ListMetricsRequest(quantiles=[wrong]))
        with pytest.raises(UsageError, match="at most 100 quantiles"):
            Queries(reader).list_metrics(qs.ListMetricsRequest(quantiles=[0.5] * 101))


@pytest.mark.usefixtures("ended")
def test_csv_has_a_line_for_each_node_and_metric(gator: Gator) -> None:
    rows = list(csv.DictReader(io.StringIO(gator("metrics", "--format", "csv").stdout)))
    assert [(row["path"], row["name"]) for row in rows] == [
        ("top", "time"),
        ("top/good", "time"),
        ("top/good", "x.y"),
        ("top/good", "x_y"),
        ("top/bad", "time"),
    ]
    whole = rows[0]
    numbers = ("value", "count", "sum", "min", "max", "mean")
    assert [float(whole[name]) for name in numbers] == [9, 4, 26, 4, 9, 6.5]
    assert float(whole["p50"]) == pytest.approx(6, rel=0.01)
    assert (whole["unit"], whole["kind"], whole["running"]) == ("s", "max", "false")


@pytest.mark.usefixtures("ended")
def test_openmetrics_is_read_by_prometheus(gator: Gator) -> None:
    text = gator("metrics", "--format", "openmetrics").stdout
    read = cast("Any", parser).text_string_to_metric_families
    families = {family.name: family for family in read(text)}
    time = {sample.labels["path"]: sample for sample in families["gator_time"].samples}
    assert (families["gator_time"].type, time["top"].value, time["top"].labels["unit"]) == ("gauge", 9, "s")
    quantiles = [each for each in families["gator_time_quantile"].samples if each.labels["path"] == "top"]
    assert [sample.labels["quantile"] for sample in quantiles] == ["0.5", "0.95"]
    figures = {
        name: families[f"gator_time_{name}"].samples[0].value for name in ("count", "sum", "min", "max")
    }
    assert figures == {"count": 4, "sum": 26, "min": 4, "max": 9}
    # Two names that are one in OpenMetrics.
    names = {name: families[name].samples[0].labels["name"] for name in ("gator_x_y", "gator_x_y_")}
    assert names == {"gator_x_y": "x.y", "gator_x_y_": "x_y"}
    assert {families[name].type for name in names} == {"counter"}
    assert families["gator_x_y_min"].samples[0].value == -1


def test_an_unknown_format_is_an_error(gator: Gator) -> None:
    error = gator("metrics", "--format", "xml", code=1).exception
    assert str(error) == "--format xml: must be one of table, csv, json, openmetrics"
