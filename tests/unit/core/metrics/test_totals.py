"""Metrics combined over time and over children."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.metrics import Totals, quantile_of
from gator.spec.metric_names import MAX_NAMES
from gator.v1 import event_pb2

Kind = event_pb2.MetricKind.ValueType
KINDS = st.sampled_from(event_pb2.MetricKind.values())
NUMBERS = st.one_of(
    st.floats(allow_nan=False), st.integers(-(10**6), 10**6).map(float), st.sampled_from([0.1, 1e308, -1e308])
)


def values(
    numbers: Sequence[float], kind: Kind = event_pb2.METRIC_KIND_UNSPECIFIED, unit: str = ""
) -> list[event_pb2.Metric]:
    return [event_pb2.Metric(name="cycles", value=number, kind=kind, unit=unit) for number in numbers]


def totals(*children: Sequence[event_pb2.Metric]) -> Totals:
    """The totals of a group of jobs with these values."""
    parent = Totals()
    for child in children:
        job = Totals()
        for metric in child:
            job.add(metric)
        parent.merge(job.totals())
    return parent


@pytest.mark.parametrize(
    ("kind", "within", "over_two"),
    [
        (event_pb2.METRIC_KIND_UNSPECIFIED, 3, 6),
        (event_pb2.METRIC_KIND_LAST, 3, 6),
        (event_pb2.METRIC_KIND_SUM, 9, 18),
        (event_pb2.METRIC_KIND_MIN, 2, 2),
        (event_pb2.METRIC_KIND_MAX, 4, 4),
        (event_pb2.METRIC_KIND_MEAN, 3, 3),
    ],
)
def test_values_are_combined_by_their_kind(kind: Kind, within: float, over_two: float) -> None:
    job = values([2, 4, 3], kind, "cycles")
    (total,) = totals(job).totals()
    assert (total.value, total.count, total.unit) == (within, 3, "cycles")
    (total,) = totals(job, job).totals()
    assert (total.value, total.count, total.min, total.max, total.sum) == (over_two, 6, 2, 4, 18)


@given(st.lists(st.lists(st.tuples(NUMBERS, KINDS, st.sampled_from(["", "s", "ms"])), min_size=1)), st.data())
def test_neither_order_nor_levels_make_a_difference(
    jobs: list[list[tuple[float, Kind, str]]], data: st.DataObject
) -> None:
    """Each job's total comes once, in any order and through any tree of groups."""
    parts: list[list[event_pb2.MetricTotal]] = []
    for job in jobs:
        own = Totals()
        for number, kind, unit in job:
            own.add(event_pb2.Metric(name="m", value=number, kind=kind, unit=unit))
        parts.append(own.totals())
    flat = Totals()
    for part in parts:
        flat.merge(part)
    shuffled = data.draw(st.permutations(parts))
    while len(shuffled) > 1:
        cut = data.draw(st.integers(2, len(shuffled)))
        group = Totals()
        for part in shuffled[:cut]:
            group.merge(part)
        shuffled = data.draw(st.permutations([*shuffled[cut:], group.totals()]))
    whole = Totals()
    for part in shuffled:
        whole.merge(part)
    assert [each.SerializeToString(deterministic=True) for each in whole.totals()] == [
        each.SerializeToString(deterministic=True) for each in flat.totals()
    ]


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), min_size=1))
def test_sum_and_mean_are_rounded_once(jobs: list[list[float]]) -> None:
    parent = totals(*(values(job, event_pb2.METRIC_KIND_MEAN) for job in jobs))
    (total,) = Totals.totals(parent)
    flat = [Fraction(number) for job in jobs for number in job]
    assert total.sum == rounded(sum(flat))
    assert total.value == rounded(sum(flat, Fraction()) / len(flat))


def rounded(exact: Fraction | int) -> float:
    try:
        return float(exact)
    except OverflowError:
        return inf if exact > 0 else -inf


def test_a_sum_is_exact_where_doubles_are_not() -> None:
    (total,) = totals(*([value] for value in values([1e16, 1, -1e16, 0.1] * 10))).totals()
    assert total.sum == 11.0 == rounded(10 * (Fraction(1) + Fraction(0.1)))
    (total,) = totals(values([1e308] * 3), values([-1e308] * 3)).totals()
    assert total.sum == 0


def test_infinite_values_are_kept() -> None:
    (total,) = totals(values([inf]), values([1])).totals()
    assert (total.sum, total.max, total.min, total.value) == (inf, inf, 1, inf)
    assert quantile_of(total, 0) == 1
    assert quantile_of(total, 1) == inf
    (total,) = totals(values([inf]), values([-inf])).totals()
    assert not total.HasField("sum")
    assert isnan(total.value)
    assert quantile_of(total, 0) == -inf


def test_the_kind_with_the_largest_number_applies_and_the_first_unit() -> None:
    mixed = [values([5], event_pb2.METRIC_KIND_LAST, "s"), values([3], event_pb2.METRIC_KIND_MIN, "ms")]
    for order in (mixed, mixed[::-1]):
        (total,) = totals(*order).totals()
        assert (total.kind, total.value, total.unit) == (event_pb2.METRIC_KIND_MIN, 3, "ms")


@pytest.mark.parametrize("step", [1, -1])
def test_of_more_than_a_thousand_names_the_first_are_kept(step: int) -> None:
    job = Totals()
    for number in range(MAX_NAMES + 200)[::step]:
        job.add(event_pb2.Metric(name=f"m{number:04}", value=number))
    assert [total.name for total in job.totals()] == [f"m{number:04}" for number in range(MAX_NAMES)]
    assert job.has_more


@pytest.mark.parametrize("first", [1.0, float("nan")])
def test_text_that_is_not_a_number_is_not_combined(first: float) -> None:
    job = Totals()
    job.add(event_pb2.Metric(name="cycles", value=first))
    job.add(event_pb2.Metric(name="cycles", value=float("nan")))
    assert [total.count for total in job.totals()] == ([1] if first == 1.0 else [])


def test_a_number_of_a_foreign_message_takes_no_memory() -> None:
    huge = event_pb2.ExactNumber(mantissa=b"\1", shift=2**32 - 1)
    parent = Totals()
    parent.merge([event_pb2.MetricTotal(name="m", count=1, value=2, sum=2, exact_sum=huge, exact_last=huge)])
    (total,) = parent.totals()
    assert (total.sum, total.value) == (2, 2)
