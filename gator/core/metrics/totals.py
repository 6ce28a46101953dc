"""Combines the values of metrics, over the time of an attempt and over the children of a node."""

from collections.abc import Iterable
from math import inf, isnan, nan
from typing import Final

from gator.core.metrics.exact_sum import ExactSum
from gator.core.metrics.sketch import Sketch
from gator.spec.metric_names import MAX_NAMES
from gator.v1 import event_pb2

_LAST: Final = event_pb2.METRIC_KIND_LAST


class _Combined:
    """The values of one metric."""

    __slots__ = ("_count", "_kind", "_last", "_max", "_min", "_sketch", "_sum", "_unit")

    def __init__(self) -> None:
        self._kind = _LAST
        self._unit = ""
        self._count = 0
        self._min, self._max = inf, -inf
        self._sum = ExactSum()
        self._last = ExactSum()
        self._sketch = Sketch()

    def add(self, metric: event_pb2.Metric) -> None:
        """Adds a value of an attempt, or a batch of them."""
        self._last = ExactSum()
        self._last.add(metric.value)
        if metric.HasField("batch"):
            self._merge(metric.batch)
            return
        value = metric.value
        self._describe(metric.kind, metric.unit)
        self._count += 1
        self._min, self._max = min(self._min, value), max(self._max, value)
        self._sum.add(value)
        self._sketch.add(value)

    def merge(self, total: event_pb2.MetricTotal) -> None:
        """Adds the values of a child."""
        self._last.add_rounded(total.value, total.exact_last if total.HasField("exact_last") else None)
        self._merge(total)

    def _merge(self, total: event_pb2.MetricTotal) -> None:
        self._describe(total.kind, total.unit)
        self._count += total.count
        self._min, self._max = min(self._min, total.min), max(self._max, total.max)
        summed = total.sum if total.HasField("sum") else nan
        self._sum.add_rounded(summed, total.exact_sum if total.HasField("exact_sum") else None)
        self._sketch.merge(total.sketch)

    def _describe(self, kind: event_pb2.MetricKind.ValueType, unit: str) -> None:
        if kind > self._kind:
            self._kind = kind
        if unit and (not self._unit or unit < self._unit):
            self._unit = unit

    def total(self, name: str) -> event_pb2.MetricTotal:
        """Returns all values so far."""
        summed = self._sum.value
        total = event_pb2.MetricTotal(
            name=name,
            kind=self._kind,
            unit=self._unit,
            count=self._count,
            min=self._min,
            max=self._max,
            sum=None if isnan(summed) else summed,
            exact_sum=self._sum.exact,
            sketch=self._sketch.message(),
        )
        match self._kind:
            case event_pb2.METRIC_KIND_MIN:
                total.value = self._min
            case event_pb2.METRIC_KIND_MAX:
                total.value = self._max
            case event_pb2.METRIC_KIND_MEAN:
                total.value = self._sum.mean(max(self._count, 1))
            case event_pb2.METRIC_KIND_SUM:
                total.value = summed
            case _:
                total.value = self._last.value
                if (exact := self._last.exact) is not None:
                    total.exact_last.CopyFrom(exact)
        return total


class Totals:
    """Metrics by name."""

    __slots__ = ("_by_name", "_largest", "has_more")

    def __init__(self) -> None:
        self._by_name: dict[str, _Combined] = {}
        self._largest = ""
        self.has_more = False
        """Whether there were more than `MAX_NAMES` names."""

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def add(self, metric: event_pb2.Metric) -> None:
        """Adds a value of an attempt, or a batch of them. NaN is left out."""
        if isnan(metric.value):
            return
        combined = self._combined(metric.name)
        if combined is not None:
            combined.add(metric)

    def merge(self, totals: Iterable[event_pb2.MetricTotal]) -> None:
        """Adds the values of a child; those of kind LAST are summed."""
        for total in totals:
            combined = self._combined(total.name)
            if combined is not None:
                combined.merge(total)

    def totals(self) -> list[event_pb2.MetricTotal]:
        """Returns the combined values, by name."""
        return [self._by_name[name].total(name) for name in sorted(self._by_name)]

    def total(self, name: str) -> event_pb2.MetricTotal | None:
        """Returns the combined values of a metric; None if there are none."""
        combined = self._by_name.get(name)
        return combined.total(name) if combined is not None else None

    def _combined(self, name: str) -> _Combined | None:
        """Returns the values of a name; None if it is not among the first `MAX_NAMES`."""
        combined = self._by_name.get(name)
        if combined is not None:
            return combined
        if len(self._by_name) >= MAX_NAMES:
            self.has_more = True
            if name > self._largest:
                return None
            del self._by_name[self._largest]
            self._largest = max(self._by_name)
        combined = self._by_name[name] = _Combined()
        self._largest = max(self._largest, name)
        return combined
