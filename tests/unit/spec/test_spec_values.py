import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.spec import durations, ident_problem, sizes
from gator.spec.suggestions import nearest


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
    assert durations.parse(text) == millis


@pytest.mark.parametrize("text", ["", "s", "1x", "30m1h", "1s1s", "-1", "1e3", "١s", "9" * 30])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|too long"):
        durations.parse(text)


@given(st.integers(0, 2**52))
def test_a_formatted_duration_reads_as_the_same(millis: int) -> None:
    assert durations.parse(durations.format_millis(millis)) == millis


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
    assert sizes.parse(text) == size


def test_a_bare_size_takes_the_unit_that_is_given() -> None:
    assert sizes.parse("1.5", "GB") == 1_500_000_000


@pytest.mark.parametrize("text", ["", "GB", "2GX", "-1GB", "1 2", "99999999999TB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|unit|machine"):
        sizes.parse(text)


@pytest.mark.parametrize("ident", ["a", "T0", "a b", "sim.v2", "ü", "a" * 128, "a-b", "*", "..."])
def test_these_can_be_idents(ident: str) -> None:
    assert ident_problem(ident) is None


@pytest.mark.parametrize("ident", ["", "a" * 129, "-a", ".", "..", "a/b", "[", "]", ",", "=", "a\n", "\x7f"])
def test_these_cannot_be_idents(ident: str) -> None:
    assert ident_problem(ident) is not None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("comand", "command"),
        ("jbos", "jobs"),
        ("ENV", "env"),
        ("on_pas", "on_pass"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_a_slip_or_two_away(wrong: str, right: str | None) -> None:
    assert nearest(wrong, ["command", "jobs", "env", "on_pass", "on_done"]) == right
