"""Metrics folded over time and over children."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.metrics import MAX_NAMES, Totals
from gator.v1 import event_pb2


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
def test_values_are_folded_by_their_kind(
    kind: event_pb2.MetricKind.ValueType, within: float, over_two: float
) -> None:
    child = Totals()
    for value in (2, 4, 3):
        child.add(event_pb2.Metric(name="cycles", value=value, kind=kind, unit="cycles"))
    (total,) = child.totals()
    assert (total.value, total.count, total.unit) == (within, 3, "cycles")
    parent = Totals()
    parent.merge(child.totals())
    parent.merge(child.totals())
    (total,) = parent.totals()
    assert (total.value, total.count) == (over_two, 6)


@given(st.lists(st.lists(st.integers(-100, 100), min_size=1), min_size=1))
def test_a_mean_over_children_is_weighted_by_their_values(children: list[list[int]]) -> None:
    parent = Totals()
    for values in children:
        child = Totals()
        for value in values:
            child.add(event_pb2.Metric(name="m", value=value, kind=event_pb2.METRIC_KIND_MEAN))
        parent.merge(child.totals())
    flat = [value for values in children for value in values]
    (total,) = parent.totals()
    assert total.value == pytest.approx(sum(flat) / len(flat))


def test_names_beyond_a_thousand_are_refused() -> None:
    totals = Totals()
    kept = [totals.add(event_pb2.Metric(name=f"m{n}", value=n)) for n in range(MAX_NAMES + 1)]
    assert kept == [True] * MAX_NAMES + [False]
    assert len(totals.totals()) == MAX_NAMES


@pytest.mark.parametrize("first", [1.0, float("nan")])
def test_what_is_no_number_is_not_folded(first: float) -> None:
    totals = Totals()
    totals.add(event_pb2.Metric(name="cycles", value=first))
    assert not totals.add(event_pb2.Metric(name="cycles", value=float("nan")))
    assert [total.value for total in totals.totals()] == ([1.0] if first == 1.0 else [])
