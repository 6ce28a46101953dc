"""Metrics as comma-separated values, a line for each node and metric."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from gator.enum_names import enum_name
from gator.v1 import event_pb2, query_pb2

_COLUMNS: Final = ("path", "name", "unit", "kind", "value", "count", "sum", "min", "max", "mean")


def csv_text(nodes: Iterable[query_pb2.NodeMetrics]) -> str:
    """Returns the metrics of nodes with a line of names; values that are not known are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_COLUMNS, "p50", "p95", "running"))
    for node in nodes:
        writer.writerows(_rows(node.path, node.metrics, is_running=False))
        writer.writerows(_rows(node.path, node.running, is_running=True))
    return text.getvalue()


def _rows(
    path: str, totals: Iterable[event_pb2.MetricTotal], *, is_running: bool
) -> Iterator[tuple[object, ...]]:
    for total in totals:
        quantiles = [quantile.value for quantile in total.quantiles] or ["", ""]
        yield (
            path,
            total.name,
            total.unit,
            enum_name(event_pb2.MetricKind.DESCRIPTOR, total.kind) or "last",
            total.value,
            total.count,
            total.sum if total.HasField("sum") else "",
            total.min,
            total.max,
            total.mean if total.HasField("mean") else "",
            *quantiles,
            "true" if is_running else "false",
        )
