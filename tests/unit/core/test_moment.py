"""A moment with a known wall time only is converted to the other clocks, never after now."""

from gator.core.moment import Moment


def test_what_was_written_down_before_is_as_long_ago_on_all_clocks():
    assert Moment(1000, 500, 700).since(900) == Moment(900, 400, 600)


def test_what_was_written_down_before_the_clock_was_set_back_is_now():
    now = Moment(1000, 500, 700)
    assert now.since(5000) == now
