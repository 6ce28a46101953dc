"""Room that text takes, and text cut to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.console.text import cells, cut, cut_front, one_line


@pytest.mark.parametrize(
    ("text", "room"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("試験", 4), ("🐊", 2), ("❤\ufe0f", 2), ("a\u200db", 2)],
)
def test_text_takes_as_many_cells_as_a_terminal_gives_it(text: str, room: int):
    assert cells(text) == room


def test_text_is_cut_at_either_end():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 4) == "abc…"
    assert cut("試験試験", 6) == "試験…"
    assert cut_front("abcdef", 4) == "…def"
    assert cut_front("試験試験", 6) == "…試験"
    assert cut_front("abcde\u0301f", 2) == "…f"
    assert cut("abc", 0) == cut_front("abc", 0) == ""


@given(st.text(alphabet="ab試🐊\u0301\u200d\ufe0f…", max_size=30), st.integers(0, 20))
def test_text_that_is_cut_always_fits(text: str, maximum: int):
    for shown in (
        cut(text, maximum),
        cut_front(text, maximum),
        cut(text, maximum, ""),
        cut_front(text, maximum, ""),
    ):
        assert cells(shown) <= maximum
        assert cells(text) > maximum or shown == text


@given(st.text())
def test_one_line_is_one_line_and_moves_no_cursor(text: str):
    assert not set(one_line(text)) & {chr(n) for n in (*range(32), *range(127, 160))}


def test_escape_sequences_go_and_other_controls_are_shown():
    assert one_line("bad \x1b[2Jthing\tx\a\r\nmore") == "bad thing x\\x07"
