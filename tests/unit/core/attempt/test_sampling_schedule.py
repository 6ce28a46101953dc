"""Sampling starts soon and backs off, and long jobs meet at common times."""

from gator.core.attempt.sampling_schedule import SamplingSchedule


def times_until(pace: SamplingSchedule, leader: int, end: float) -> list[float]:
    times: list[float] = []
    while (at := pace.next_at()) is not None and at <= end:
        if leader in pace.take(at):
            times.append(round(at, 6))
    return times


def test_a_job_is_seen_soon_and_then_ever_more_rarely() -> None:
    pace = SamplingSchedule()
    pace.add(7, 100.0)
    seen = times_until(pace, 7, 120.0)
    assert seen == [100.05, 100.15, 100.35, 100.75, 101.55, 103.15, 106.35, 110.0, 115.0, 120.0]


def test_long_jobs_are_due_together() -> None:
    pace = SamplingSchedule()
    pace.add(1, 0.0)
    pace.add(2, 1.7)
    while pace.next_at() != 30.0:
        pace.take(pace.next_at() or 0.0)
    assert pace.take(30.0) == [1, 2]


def test_a_longest_interval_below_the_shortest_holds_from_the_start() -> None:
    pace = SamplingSchedule(longest_s=0.02)
    pace.add(1, 0.0)
    assert pace.next_at() == 0.02


def test_nothing_is_due_when_nothing_runs() -> None:
    pace = SamplingSchedule()
    assert pace.next_at() is None
    pace.add(1, 0.0)
    pace.remove(1)
    pace.remove(1)
    assert pace.next_at() is None
    assert pace.take(99.0) == []
