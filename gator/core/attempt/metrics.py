"""Folds the values of a metric into one, over the time of an attempt and over the children of a node.

Invariant: folding is associative, so the number of levels between makes no difference.
"""

from collections.abc import Iterable
from math import isnan

from gator.v1 import event_pb2

_LAST = event_pb2.METRIC_KIND_LAST
_MIN = event_pb2.METRIC_KIND_MIN
_MAX = event_pb2.METRIC_KIND_MAX
_MEAN = event_pb2.METRIC_KIND_MEAN

MAX_NAMES = 1_000
"""Metrics of further names are not folded, so that an attempt's end stays of bounded size."""

MAX_NAME = 128
"""Characters of a name; as many as an ident has."""
NAME_RULE = f"its name must have 1 to {MAX_NAME} printable characters"


def is_metric_name(name: str) -> bool:
    """Returns whether this is a valid name of a metric."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


class Totals:
    """Metrics by name; the kind and the unit are those that came first."""

    __slots__ = ("_totals",)

    def __init__(self) -> None:
        self._totals: dict[str, event_pb2.MetricTotal] = {}

    def add(self, metric: event_pb2.Metric) -> bool:
        """Adds a value of an attempt; returns False for NaN or beyond the maximum number of names."""
        if isnan(metric.value):
            return False
        total = self._totals.get(metric.name)
        if total is None:
            if len(self._totals) >= MAX_NAMES:
                return False
            kind = metric.kind or _LAST
            self._totals[metric.name] = event_pb2.MetricTotal(
                name=metric.name, value=metric.value, kind=kind, unit=metric.unit, count=1
            )
            return True
        if total.kind == _LAST:
            total.value = metric.value
        else:
            total.value = _fold(total.kind, total.value, total.count, metric.value, 1)
        total.count += 1
        return True

    def merge(self, totals: Iterable[event_pb2.MetricTotal]) -> None:
        """Adds the values of a child; those of kind LAST are summed."""
        for other in totals:
            total = self._totals.get(other.name)
            if total is None:
                if len(self._totals) < MAX_NAMES:
                    total = self._totals[other.name] = event_pb2.MetricTotal()
                    total.CopyFrom(other)
                    total.kind = other.kind or _LAST
                continue
            total.value = _fold(total.kind, total.value, total.count, other.value, other.count)
            total.count += other.count

    def totals(self) -> list[event_pb2.MetricTotal]:
        """Returns the folded values, by name."""
        return [self._totals[name] for name in sorted(self._totals)]


def _fold(kind: event_pb2.MetricKind.ValueType, left: float, n: int, right: float, m: int) -> float:
    if kind == _MIN:
        return min(left, right)
    if kind == _MAX:
        return max(left, right)
    if kind == _MEAN:
        count = n + m
        return (left * n + right * m) / count if count else left
    return left + right
