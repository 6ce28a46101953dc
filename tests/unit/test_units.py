import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.units import (
    duration_text,
    limit_text,
    parse_duration,
    parse_integer,
    parse_size,
    plural,
    size_text,
    span,
    whole_span,
)

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
    assert [parse_duration(whole_span(each)) for each in (12, 245, 7620)] == [12_000, 245_000, 7_620_000]


def test_one_thing_stands_in_the_singular():
    assert [plural(number, "warning") for number in (0, 1, 2, 2000)] == [
        "0 warnings",
        "1 warning",
        "2 warnings",
        "2,000 warnings",
    ]


def test_a_limit_is_in_seconds_minutes_and_hours() -> None:
    assert [limit_text(n) for n in (500_000_000, 5_000_000_000, 90_000_000_000, 5_400_000_000_000)] == [
        "0.5s",
        "5s",
        "1m30s",
        "1h30m",
    ]


def test_a_size_is_shown_in_decimal_units() -> None:
    assert [size_text(n) for n in (0, 999, 1500, 2 * 10**9, 3 * 10**15)] == [
        "0 B",
        "999 B",
        "1.5 KB",
        "2 GB",
        "3000 TB",
    ]


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("90", 90_000),
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        ("500ms", 500),
        ("0.5", 500),
        ("1.5h", 5_400_000),
        ("2d", 172_800_000),
        ("none", 0),
        ("0", 0),
        ("0.0001", 1),
    ],
)
def test_durations_are_read_as_milliseconds(text: str, millis: int) -> None:
    assert parse_duration(text) == millis


@pytest.mark.parametrize("text", ["", "s", "1x", "30m1h", "1s1s", "-1", "1e3", "١s", "9" * 30])
def test_text_that_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|too long"):
        parse_duration(text)


@given(st.integers(0, 2**52))
def test_a_formatted_duration_reads_as_the_same(millis: int) -> None:
    assert parse_duration(duration_text(millis)) == millis


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2_000_000_000),
        ("1.5 gib", 1_610_612_736),
        ("512", 512_000_000),
        ("0x10KB", 16_000),
        ("0.1TB", 100_000_000_000),
        ("7B", 7),
        ("0", 0),
    ],
)
def test_sizes_are_read_as_bytes_and_a_bare_number_is_in_megabytes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_a_bare_size_takes_the_unit_that_is_given() -> None:
    assert parse_size("1.5", "GB") == 1_500_000_000


@pytest.mark.parametrize("text", ["", "GB", "2GX", "-1GB", "1 2", "99999999999TB"])
def test_text_that_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|unit|too large"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("010", 10), ("0x1F", 31), ("-3", -3), ("+7", 7), ("9" * 60, 10**40), ("-" + "9" * 60, -(10**40))],
)
def test_integers_are_decimal_or_hexadecimal(text: str, number: int) -> None:
    assert parse_integer(text) == number


@pytest.mark.parametrize("text", ["", "0xzz", "1_000", "0o7", "1.0", " 1", "\u0663", "\u00b2"])
def test_what_is_not_an_integer_has_no_value(text: str) -> None:
    assert parse_integer(text) is None
