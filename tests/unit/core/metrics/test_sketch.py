"""The distribution of values, compared with the implementation of the authors of DDSketch."""

from math import ceil, floor, inf
from typing import Any, cast

import pytest
from ddsketch import LogCollapsingLowestDenseDDSketch
from hypothesis import given
from hypothesis import strategies as st

from gator.core.metrics import Totals, quantile_of
from gator.core.metrics.sketch import ACCURACY, GAMMA, MAX_BINS
from gator.v1 import event_pb2

RANKS = (0.0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
NUMBERS = st.one_of(
    st.floats(-1e12, 1e12), st.integers(-50, 50).map(float), st.floats(1e-9, 1e9), st.just(0.0)
)
NEAR_NUMBERS = st.one_of(st.floats(1e-3, 1e12), st.floats(-1e12, -1e-3), st.just(0.0))
"""Numbers that differ by less than the factor beyond which small ones are moved."""


def total_of(numbers: list[float]) -> event_pb2.MetricTotal:
    totals = Totals()
    for number in numbers:
        totals.add(event_pb2.Metric(name="m", value=number))
    (total,) = totals.totals()
    return total


def theirs(numbers: list[float]) -> Any:
    sketch = cast("Any", LogCollapsingLowestDenseDDSketch)(ACCURACY, bin_limit=MAX_BINS)
    for number in numbers:
        sketch.add(number)
    return sketch


def bins(first: int, steps: Any, counts: Any) -> dict[int, int]:
    found = dict[int, int]()
    for step, count in zip([0, *steps], counts, strict=False):
        first += step
        found[first] = count
    return found


def bins_of_theirs(store: Any) -> dict[int, int]:
    return {index + store.offset: int(count) for index, count in enumerate(store.bins) if count}


@given(st.lists(NUMBERS, min_size=1))
def test_the_bins_are_those_of_ddsketch(numbers: list[float]) -> None:
    sketch, other = total_of(numbers).sketch, theirs(numbers)
    assert sketch.gamma == GAMMA == other._mapping.gamma
    positive = bins(sketch.positive_first, sketch.positive_steps, sketch.positive_counts)
    assert positive == bins_of_theirs(other._store)
    negative = bins(sketch.negative_first, sketch.negative_steps, sketch.negative_counts)
    assert negative == bins_of_theirs(other._negative_store)
    assert sketch.zeros == other._zero_count


@given(st.lists(st.lists(NUMBERS, min_size=1), min_size=1), st.sampled_from(RANKS))
def test_the_quantiles_of_merged_sketches_are_those_of_ddsketch(
    parts: list[list[float]], rank: float
) -> None:
    merged, other = Totals(), theirs([])
    for part in parts:
        merged.merge([total_of(part)])
        other.merge(theirs(part))
    (total,) = merged.totals()
    expected = min(max(other.get_quantile_value(rank), total.min), total.max)
    assert quantile_of(total, rank) == pytest.approx(expected, rel=1e-12)


@given(st.lists(NEAR_NUMBERS, min_size=1), st.sampled_from(RANKS))
def test_a_quantile_is_within_one_per_cent(numbers: list[float], rank: float) -> None:
    found = quantile_of(total_of(numbers), rank)
    assert found is not None
    place = rank * (len(numbers) - 1)
    between = sorted(numbers)[floor(place) : ceil(place) + 1]
    assert any(abs(found - number) <= ACCURACY * abs(number) * (1 + 1e-9) for number in between)


@given(st.permutations([10.0**exponent for exponent in range(-300, 300, 10)]), st.integers(1, 20))
def test_values_that_are_too_far_apart_are_moved_whatever_their_order(
    numbers: list[float], size: int
) -> None:
    whole = total_of(sorted(numbers))
    assert len(whole.sketch.positive_counts) <= MAX_BINS
    assert sum(whole.sketch.positive_counts) == len(numbers)
    parent = Totals()
    for start in range(0, len(numbers), size):
        parent.merge([total_of(numbers[start : start + size])])
    (merged,) = parent.totals()
    assert merged.sketch == whole.sketch
    assert quantile_of(merged, 1) == pytest.approx(1e290, rel=ACCURACY)


def test_of_one_value_each_quantile_is_that_value() -> None:
    assert [quantile_of(total_of([7.25]), rank) for rank in RANKS] == [7.25] * len(RANKS)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 1.5, inf])
def test_a_sketch_with_other_bins_has_no_quantiles_once_it_is_merged(gamma: float) -> None:
    other = total_of([3.0])
    other.sketch.gamma = gamma
    parent = Totals()
    parent.merge([total_of([3.0])])
    parent.merge([other])
    (total,) = parent.totals()
    assert not total.HasField("sketch")
    assert quantile_of(total, 0.5) is None
    assert (total.count, total.sum) == (2, 6)
