"""The values of metrics of one attempt: what is recorded of them, and what follows from the record."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gator.core.attempt.metrics import MAX_SINGLE, MIN_BATCH, AttemptMetrics
from gator.core.metrics import Totals
from gator.v1 import event_pb2

NAMES = ("cycles", "size", "time")


def record(metrics: AttemptMetrics, values: Sequence[event_pb2.Metric]) -> list[event_pb2.Metric]:
    events = [each for value in values if (each := metrics.add(value)) is not None]
    return [*events, *metrics.finish()]


def recomputed(events: Sequence[event_pb2.Metric]) -> list[event_pb2.MetricTotal]:
    totals = Totals()
    for event in events:
        totals.add(event_pb2.Metric.FromString(event.SerializeToString()))
    return totals.totals()


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 3000)), min_size=1, max_size=6),
    st.sampled_from(event_pb2.MetricKind.values()),
    st.floats(-1e9, 1e9),
)
def test_the_combined_values_follow_from_the_events(
    runs: list[tuple[str, int]], kind: event_pb2.MetricKind.ValueType, step: float
) -> None:
    values = [
        event_pb2.Metric(name=name, value=step * number, kind=kind, unit="u")
        for name, count in runs
        for number in range(count)
    ]
    metrics = AttemptMetrics()
    events = record(metrics, values)
    assert recomputed(events) == metrics.totals()
    for name in NAMES:
        own = [event for event in events if event.name == name]
        count = sum(value.name == name for value in values)
        assert sum(not event.HasField("batch") for event in own) == min(count, MAX_SINGLE)
        assert sum(event.batch.count or 1 for event in own) == count


def test_values_beyond_a_thousand_are_recorded_in_few_batches() -> None:
    metrics = AttemptMetrics()
    events = record(metrics, [event_pb2.Metric(name="m", value=value) for value in range(200_000)])
    batches = [event for event in events if event.HasField("batch")]
    assert len(batches) < 60
    assert all(batch.batch.count >= MIN_BATCH for batch in batches[:-1])
    assert (batches[0].batch.min, batches[0].batch.max, batches[0].value) == (1000, 1999, 1999)
    assert recomputed(events) == metrics.totals()


def test_ten_thousand_values_of_any_names_are_recorded_one_by_one() -> None:
    metrics = AttemptMetrics()
    events = record(
        metrics,
        [event_pb2.Metric(name=f"m{number % 20:02}", value=number) for number in range(20_000)],
    )
    assert sum(not event.HasField("batch") for event in events) == 10_000
    assert recomputed(events) == metrics.totals()
    assert {total.count for total in metrics.totals()} == {1000}
