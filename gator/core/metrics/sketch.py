"""Distributions of values from which quantiles follow with a relative error of at most 1 %.

This is the DDSketch of Charles Masson, Jee E. Rim and Homin K. Lee, "DDSketch: A Fast and Fully-Mergeable
Quantile Sketch with Relative-Error Guarantees", PVLDB 12(12), 2019. Values are counted in bins whose bounds
grow by a constant factor, gamma. Only the bins within `MAX_BINS` of the largest one exist: smaller values are
counted in the smallest bin. That bound only grows, so the order of additions and merges makes no difference.

Invariant: equal multisets of values give equal messages.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import ceil, floor, inf, log, log1p
from sys import float_info
from typing import Final

from gator.v1 import event_pb2

ACCURACY: Final = 0.01
"""Maximum relative error of a quantile."""
_MANTISSA: Final = 2 * ACCURACY / (1 - ACCURACY)
GAMMA: Final = 1 + _MANTISSA
"""Ratio of the bounds of a bin."""
MAX_BINS: Final = 2048
"""Maximum number of bins of one sign: positive values may differ by a factor of 10^17 before one is moved."""
_FACTOR: Final = 1 / log1p(_MANTISSA) * log(2)
"""Factor of binary logarithms, computed as `ddsketch` does, so that all bins are the same as there."""
_SMALLEST: Final = float_info.min * GAMMA
"""Values up to this one are counted as 0."""


class Sketch:
    """The number of values by bin."""

    __slots__ = ("_infinite", "_is_mixed", "_minus_infinite", "_negative", "_positive", "_zeros")

    def __init__(self) -> None:
        self._positive: dict[int, int] = {}
        self._negative: dict[int, int] = {}
        self._zeros = 0
        self._infinite = 0
        self._minus_infinite = 0
        self._is_mixed = False

    def add(self, value: float) -> None:
        """Counts a value, which is not NaN."""
        size = abs(value)
        if size <= _SMALLEST:
            self._zeros += 1
        elif size == inf:
            if value > 0:
                self._infinite += 1
            else:
                self._minus_infinite += 1
        else:
            bins = self._positive if value > 0 else self._negative
            index = ceil(log(size, 2) * _FACTOR)
            bins[index] = bins.get(index, 0) + 1
            if len(bins) > 2 * MAX_BINS:
                _collapse(bins)

    def merge(self, other: event_pb2.MetricSketch) -> None:
        """Adds the counts of a sketch. Without equal bins nothing is known of the whole distribution."""
        if other.gamma != GAMMA or other.offset:
            self._is_mixed = True
            return
        _merge(self._positive, other.positive_first, other.positive_steps, other.positive_counts)
        _merge(self._negative, other.negative_first, other.negative_steps, other.negative_counts)
        self._zeros += other.zeros
        self._infinite += other.infinite
        self._minus_infinite += other.minus_infinite

    def message(self) -> event_pb2.MetricSketch | None:
        """Returns the sketch as a message; None if nothing is known."""
        if self._is_mixed:
            return None
        sketch = event_pb2.MetricSketch(
            gamma=GAMMA, zeros=self._zeros, infinite=self._infinite, minus_infinite=self._minus_infinite
        )
        if self._positive:
            _collapse(self._positive)
            sketch.positive_first, steps, counts = _listed(self._positive)
            sketch.positive_steps.extend(steps)
            sketch.positive_counts.extend(counts)
        if self._negative:
            _collapse(self._negative)
            sketch.negative_first, steps, counts = _listed(self._negative)
            sketch.negative_steps.extend(steps)
            sketch.negative_counts.extend(counts)
        return sketch


def _merge(bins: dict[int, int], first: int, steps: Iterable[int], counts: Sequence[int]) -> None:
    # Bins and counts are as many in each message of Gator; others may come from anywhere.
    for index, count in zip(accumulate(steps, initial=first), counts, strict=False):
        bins[index] = bins.get(index, 0) + count
    if len(bins) > 2 * MAX_BINS:
        _collapse(bins)


def _collapse(bins: dict[int, int]) -> None:
    """Moves the counts of bins that are too far below the largest one into the smallest that exists."""
    smallest = max(bins) - MAX_BINS + 1
    for index in [index for index in bins if index < smallest]:
        bins[smallest] = bins.get(smallest, 0) + bins.pop(index)


def _listed(bins: dict[int, int]) -> tuple[int, list[int], list[int]]:
    """Returns the first bin, the differences of the others from the one before, and the counts."""
    indices = sorted(bins)
    steps = [after - before for before, after in pairwise(indices)]
    return indices[0], steps, [bins[index] for index in indices]


def quantile_of(total: event_pb2.MetricTotal, rank: float) -> float | None:
    """Returns the value of a rank from 0 to 1 among the values of a metric; None if it is not known."""
    sketch = total.sketch
    if not total.HasField("sketch") or not 0 <= rank <= 1 or not sketch.gamma > 1:
        return None
    negative, positive = sum(sketch.negative_counts), sum(sketch.positive_counts)
    count = sketch.minus_infinite + negative + sketch.zeros + positive + sketch.infinite
    if not count:
        return None
    place = rank * (count - 1) - sketch.minus_infinite
    if place < 0:
        return -inf
    value = 0.0
    if place < negative:
        # The largest absolute values are the smallest values.
        wanted = negative - place
        at = _bin_at(sketch.negative_first, sketch.negative_steps, sketch.negative_counts, wanted)
        value = -_value_of(at, sketch)
    elif place >= negative + sketch.zeros:
        place -= negative + sketch.zeros
        if place >= positive:
            return inf if sketch.infinite else total.max
        wanted = floor(place) + 1
        at = _bin_at(sketch.positive_first, sketch.positive_steps, sketch.positive_counts, wanted)
        value = _value_of(at, sketch)
    return min(max(value, total.min), total.max)


def _bin_at(first: int, steps: Iterable[int], counts: Sequence[int], number: float) -> int:
    """Returns the bin in which the sum of the counts from the first bin on reaches `number`."""
    seen = 0
    bins = accumulate(steps, initial=first)
    for index, count in zip(bins, counts, strict=False):
        seen += count
        if seen >= number:
            return index
    return first


def _value_of(index: int, sketch: event_pb2.MetricSketch) -> float:
    """Returns the value with the same relative distance from both bounds of a bin."""
    try:
        return sketch.gamma ** (index - sketch.offset) * (2 / (1 + sketch.gamma))
    except OverflowError:
        return inf
