"""Replaces what combining metrics needs by what people read: mean and quantiles."""

from collections.abc import Iterable, Sequence
from typing import Final

from gator.core.metrics.sketch import quantile_of
from gator.v1 import event_pb2

DEFAULT_RANKS: Final = (0.5, 0.95)
"""The quantiles that are shown by default."""


def summarise(totals: Iterable[event_pb2.MetricTotal], ranks: Sequence[float] = DEFAULT_RANKS) -> None:
    """Sets mean and quantiles of metrics, and leaves out what they follow from."""
    for total in totals:
        if total.HasField("sum") and total.count:
            is_mean = total.kind == event_pb2.METRIC_KIND_MEAN
            total.mean = total.value if is_mean else total.sum / total.count
        for rank in ranks:
            value = quantile_of(total, rank)
            if value is not None:
                total.quantiles.add(rank=rank, value=value)
        total.ClearField("sketch")
        total.ClearField("exact_sum")
        total.ClearField("exact_last")
