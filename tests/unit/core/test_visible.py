"""The one cleaning of text that Gator formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.visible import visible, visible_line, visible_lines, visible_styled

_UNSAFE = {
    *map(chr, (*range(9), *range(10, 32), *range(0x7F, 0xA0))),
    *map(chr, (0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}
_PARTS = [
    "a",
    "é",
    "試",
    "\t",
    "\n",
    "\r",
    "\x00",
    "\x1b",
    "\x1b[31m",
    "\x1b[0",
    "\x1b]0;ti",
    "\x9b2J",
    *_UNSAFE,
]
_TEXTS = st.lists(st.sampled_from(_PARTS), max_size=20).map("".join) | st.text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 試験 \t", "plain é 試験 \t"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("x\u202etxt.exe", "x\\u202etxt.exe"),
        ("one\ntwo\r", "one\\ntwo\\r"),
        ("\x00\x9b\u2028\u2066\u200f\u061c", "\\x00\\x9b\\u2028\\u2066\\u200f\\u061c"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str):
    assert visible(text) == shown


@given(_TEXTS)
def test_a_cleaned_text_is_one_line_of_harmless_characters(text: str):
    assert not _UNSAFE & set(visible(text))
    data = text.encode("utf-8", "surrogatepass")
    assert not _UNSAFE & set(visible_line(data, colours=False))
    assert not (_UNSAFE - {"\n"}) & set(visible_lines(data, colours=False))
    assert visible_lines(data, colours=False).count("\n") == data.count(b"\n")


@given(_TEXTS)
def test_colours_that_stay_are_complete_and_reset_at_the_end_of_the_line(text: str):
    data = text.encode("utf-8", "surrogatepass")
    for line in visible_lines(data, colours=True).split("\n"):
        assert "\x1b" not in line or line.startswith("\x1b[0m", line.rfind("\x1b"))
        assert not (_UNSAFE - {"\x1b"}) & set(line)


def test_only_the_colours_that_are_allowed_stay():
    assert visible_styled("\x1b[31mred\x1b[8mhidden", "0|31") == "\x1b[31mred\\x1b[8mhidden\x1b[0m"
    assert visible_styled("\x1b[2J") == "\\x1b[2J"


def test_a_line_of_a_program_is_shown_as_it_stands_in_the_end():
    assert visible_line(b"\x1b]0;title\x07\x1b[1;31mred\x1b[2K", colours=False) == "red"
    assert visible_line(b"\x1b]0;title\x07\x1b[1;31mred\x1b[2K", colours=True) == "\x1b[1;31mred\x1b[0m"
    assert visible_line(b" 10 %\r 20 %\r 30 %\r\x1b[K\r", colours=False) == " 30 %"
    assert visible_line(b"error\r 30 %", colours=False, whole=True) == "error\\r 30 %"
    assert visible_line(b"caf\xe9\x00", colours=False) == "caf\\xe9\\x00"
    assert visible_lines(b"one\r\ntwo \xe2\x80\xae\n", colours=False) == "one\ntwo \\u202e\n"
