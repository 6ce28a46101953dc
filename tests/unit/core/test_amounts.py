"""Spans of time and numbers of things as people read them."""

from gator.core.amounts import plural, span, whole_span
from gator.spec.durations import parse

SECOND = 1_000_000_000


def test_a_span_is_as_exact_as_it_matters():
    seconds = (0, 0.004, 0.42, 9.994, 9.996, 12.34, 59.94, 59.96, 245, 3599.6, 7620, 47 * 3600, 100 * 3600)
    assert [span(round(each * SECOND)) for each in seconds] == [
        "0.00s",
        "0.00s",
        "0.42s",
        "9.99s",
        "10.0s",
        "12.3s",
        "59.9s",
        "1m00s",
        "4m05s",
        "1h00m",
        "2h07m",
        "47h00m",
        "4d04h",
    ]


def test_a_span_that_goes_on_has_whole_seconds():
    seconds = (0, 0.4, 11.6, 59.4, 59.6, 185, 7385, 200_000)
    assert [whole_span(each) for each in seconds] == [
        "0s",
        "0s",
        "12s",
        "59s",
        "1m00s",
        "3m05s",
        "2h03m",
        "2d07h",
    ]


def test_a_span_that_is_shown_can_be_typed():
    assert [parse(whole_span(each)) for each in (12, 245, 7620)] == [12_000, 245_000, 7_620_000]


def test_one_thing_stands_in_the_singular():
    assert [plural(number, "warning") for number in (0, 1, 2, 2000)] == [
        "0 warnings",
        "1 warning",
        "2 warnings",
        "2,000 warnings",
    ]
