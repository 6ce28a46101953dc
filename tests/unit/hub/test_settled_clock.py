"""A clock that is set does not make runs of a hub too old to keep."""

import logging

import pytest

from gator_hub.settled_clock import SettledClock

SECOND = 10**9
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
START = 1_000 * DAY


class Clocks:
    def __init__(self) -> None:
        self.steady, self.offset = 5 * SECOND, START
        self.settled = SettledClock(lambda: self.steady + self.offset, lambda: self.steady)

    def after(self, nanos: int) -> int:
        """Returns the settled time, as nanoseconds since the start, after a time."""
        self.steady += nanos
        return self.settled.now() - START - 5 * SECOND


def test_it_is_the_wall_clock() -> None:
    clocks = Clocks()
    assert [clocks.after(HOUR), clocks.after(DAY)] == [HOUR, HOUR + DAY]


def test_drift_is_followed() -> None:
    clocks = Clocks()
    for _ in range(10):
        clocks.offset += 30 * SECOND
        clocks.after(HOUR)
    assert clocks.after(0) == 10 * HOUR + 300 * SECOND


def test_a_clock_set_forward_counts_after_a_day(caplog: pytest.LogCaptureFixture) -> None:
    clocks = Clocks()
    clocks.offset += 400 * DAY
    with caplog.at_level(logging.WARNING):
        assert [clocks.after(HOUR), clocks.after(HOUR)] == [HOUR, 2 * HOUR]
    assert caplog.messages == [
        "the clock was set forward by 400d00h: for a day no run counts as older than before"
    ]
    assert clocks.after(DAY) == DAY + 2 * HOUR + 400 * DAY


def test_a_clock_that_is_corrected_has_changed_nothing() -> None:
    clocks = Clocks()
    clocks.offset += 400 * DAY
    clocks.after(HOUR)
    clocks.offset -= 400 * DAY
    assert clocks.after(HOUR) == 2 * HOUR
    assert clocks.after(3 * DAY) == 2 * HOUR + 3 * DAY


def test_a_clock_set_back_counts_at_once() -> None:
    clocks = Clocks()
    clocks.offset -= 5 * DAY
    assert clocks.after(HOUR) == HOUR - 5 * DAY
