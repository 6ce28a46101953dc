"""Prints a metric of one node over the runs of a series."""

from collections.abc import Iterator, Sequence

from gator.cli import output
from gator.cli.metrics.statistics import rounded_quantile
from gator.console import describe
from gator.spec.suggestions import did_you_mean
from gator.v1 import event_pb2, hub_pb2

_HEAD = ("time", "run", "value", "unit", "count", "p50", "p95")
_NUMBERS = frozenset((2, 4, 5, 6))


def print_metric(entries: Sequence[hub_pb2.HistoryEntry], name: str) -> None:
    """Prints a row for each run that has the metric, the newest first."""
    rows = [
        (describe.moment(entry.run.started_unix_nanos), entry.run.run[:8], *_cells(total))
        for entry in entries
        for total in entry.metrics
        if total.name == name
    ]
    output.echo()
    if rows:
        output.echo(f"{output.paint(name, 'bold')}:")
        output.echo_columns([_HEAD, *rows], right=_NUMBERS)
        return
    there = sorted({total.name for entry in entries for total in entry.metrics})
    output.echo(f"no run has a metric '{name}'{did_you_mean(name, there)}")


def _cells(total: event_pb2.MetricTotal) -> Iterator[str]:
    yield describe.number(total.value)
    yield total.unit
    yield f"{total.count:,}"
    if total.count > 1:
        yield from (rounded_quantile(quantile.value, total) for quantile in total.quantiles)
    else:
        yield from ("", "")
