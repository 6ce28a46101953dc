"""The values of metrics of one attempt: combined, and recorded one by one or in batches.

Invariant: the events that it returns have all values, so the combined values follow from them.
"""

from math import isnan
from typing import TYPE_CHECKING, Final

from gator.core.attempt.quota import MAX_LOGS
from gator.spec.metric_names import MAX_NAMES
from gator.v1 import event_pb2

if TYPE_CHECKING:
    from gator.core.metrics import Totals

MAX_SINGLE: Final = 1_000
"""Maximum number of values of one name that are recorded one by one; of all names there are `MAX_LOGS`."""
MIN_BATCH: Final = 1_000
"""Minimum number of values of a batch, except for the last one."""
_GROWTH: Final = 10
"""Divisor of the number of recorded values: a batch has at least as many values as the quotient, so that a
thousand million values make some hundred batches."""

MORE_NAMES: Final = (
    f"there are metrics of more than {MAX_NAMES:,} names: only the first {MAX_NAMES:,} names in alphabetical "
    "order have combined values"
)
"""Warning about an attempt with too many names."""


class _Recorded:
    """The values of one name that are recorded, and those that wait for the end of their batch."""

    __slots__ = ("_batch", "_last", "_waiting", "number")

    def __init__(self) -> None:
        self.number = 0
        """Number of values that are recorded."""
        self._batch = _new_totals()
        self._last = event_pb2.Metric()
        self._waiting = 0

    def add(self, metric: event_pb2.Metric) -> event_pb2.Metric | None:
        """Adds a value to the batch; returns the batch if it is large enough to be recorded."""
        self._batch.add(metric)
        self._last = metric
        self._waiting += 1
        return self.take() if self._waiting >= max(MIN_BATCH, self.number // _GROWTH) else None

    def take(self) -> event_pb2.Metric | None:
        """Returns the batch to record; None if no value waits."""
        total = self._batch.total(self._last.name)
        if total is None:
            return None
        last = self._last
        metric = event_pb2.Metric(
            name=last.name, value=last.value, kind=last.kind, unit=last.unit, batch=total
        )
        self.number += self._waiting
        self._batch, self._waiting = _new_totals(), 0
        return metric


class AttemptMetrics:
    """The values of one attempt."""

    __slots__ = ("_names", "_singles", "_totals")

    def __init__(self) -> None:
        self._totals: Totals | None = None
        """None before the first value."""
        self._names: dict[str, _Recorded] = {}
        self._singles = 0

    def add(self, metric: event_pb2.Metric) -> event_pb2.Metric | None:
        """Adds a value; returns what to record now, which may be nothing. NaN is left out."""
        if isnan(metric.value):
            return None
        if self._totals is None:
            self._totals = _new_totals()
        self._totals.add(metric)
        recorded = self._names.get(metric.name)
        if recorded is None:
            recorded = self._names[metric.name] = _Recorded()
        if recorded.number >= MAX_SINGLE or self._singles >= MAX_LOGS:
            return recorded.add(metric)
        recorded.number += 1
        self._singles += 1
        return metric

    def finish(self) -> list[event_pb2.Metric]:
        """Returns the batches that are not recorded yet."""
        batches = (recorded.take() for recorded in self._names.values())
        return [batch for batch in batches if batch is not None]

    @property
    def has_more(self) -> bool:
        """Whether there were more names than are combined."""
        return self._totals is not None and self._totals.has_more

    def totals(self) -> list[event_pb2.MetricTotal]:
        """Returns the combined values, by name."""
        return self._totals.totals() if self._totals is not None else []

    def total(self, name: str) -> event_pb2.MetricTotal | None:
        """Returns the combined values of a metric; None if there are none."""
        return self._totals.total(name) if self._totals is not None else None


def _new_totals() -> "Totals":
    # Many jobs have no metrics.
    from gator.core.metrics import Totals

    return Totals()
