"""Lines are joined to messages by what their entry says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.parsers import Entry, Recognised, Rules, StreamParser
from gator.v1 import common_pb2, spec_pb2


def parse(text: str, *entries: Entry) -> list[Recognised]:
    stream = StreamParser(Rules(entries))
    return [*stream.feed(1, text.encode()), *stream.finish()]


BAD = Entry(parser="ours", match=r"^BAD (?P<message>.*)$", words=("bad ",))


def test_the_place_nearest_to_the_explaining_line_is_taken() -> None:
    entry = Entry(
        parser="ours",
        match=r"^Trace:$",
        continues=r"^ ",
        until=r"^(?P<code>\w+Error): (?P<message>.*)$",
        where=r"^ (?P<file>\S+):(?P<line>\d+)$",
        words=("trace:",),
    )
    (found,) = parse("Trace:\n main.py:3\n lib.py:7\nKeyError: x\n", entry)
    assert (found.file, found.file_line, found.code, found.key_line) == ("lib.py", 7, "KeyError", 4)


def test_the_place_of_the_first_line_wins() -> None:
    entry = Entry(
        parser="ours",
        match=r"^BAD (?P<file>\S+)$",
        continues=r"^ ",
        where=r"^ (?P<file>\S+):(?P<line>\d+)$",
        words=("bad ",),
    )
    (found,) = parse("BAD a.c\n b.c:3\n", entry)
    assert (found.file, found.file_line) == ("a.c", 3)


@pytest.mark.parametrize(
    ("text", "parsers"),
    [
        ("BAD x\nTime: 3\n", ["timed"]),
        ("BAD x\nother\n", ["ours"]),
        ("BAD x\n", ["ours"]),
        ("BAD x\nBAD y\nTime: 3\nBAD z", ["ours", "timed", "ours"]),
    ],
)
def test_without_the_line_that_it_needs_the_next_entry_is_tried(text: str, parsers: list[str]) -> None:
    timed = Entry(
        parser="timed",
        match=r"^BAD (?P<message>.*)$",
        continues="^Time: ",
        needs="^Time: ",
        decisive=True,
        words=("bad ",),
    )
    found = parse(text, timed, BAD)
    assert [one.entry.parser for one in found] == parsers
    assert [one.line for one in found] == [
        1 + text[: text.index(f"BAD {one.message}")].count("\n") for one in found
    ]


def test_a_message_is_a_consequence_by_its_explaining_line() -> None:
    entry = Entry(
        parser="ours", match=r"^BAD (?P<message>.*)$", consequence="command failed$", words=("bad ",)
    )
    assert [one.rank for one in parse("BAD command failed\nBAD x\n", entry)] == [
        spec_pb2.PARSER_RANK_CONSEQUENCE,
        spec_pb2.PARSER_RANK_CAUSE,
    ]


def test_an_entry_of_info_takes_lines_from_those_after_it() -> None:
    quiet = Entry(parser="quiet", match="^BAD none$", severity=common_pb2.SEVERITY_INFO)
    found = parse("BAD none\nBAD x\n", quiet, BAD)
    assert [one.entry.severity for one in found] == [common_pb2.SEVERITY_INFO, common_pb2.SEVERITY_ERROR]


def test_each_line_is_tested_for_an_entry_without_words() -> None:
    entry = Entry(parser="ours", match=r"^\d+$")
    assert [one.line for one in parse("a\n12\nb\n7\n", entry)] == [2, 4]


@pytest.mark.parametrize("words", [("bad ",), ()])
def test_a_long_block_gives_what_a_short_one_gives(words: tuple[str, ...]) -> None:
    entry = Entry(parser="ours", match=r"^BAD (?P<message>.*)$", words=words)
    long = "plain line\n" * 1000 + "BAD x\n" + "plain line\n" * 1000
    assert [(one.line, one.message) for one in parse(long, entry)] == [(1001, "x")]


def test_a_pattern_of_a_user_takes_linear_time() -> None:
    # With backtracking this line would take longer than the age of the universe.
    entry = Entry(parser="ours", match=r"^(?P<message>(?:a+)+)b$")
    data = b"a" * 4000 + b"c\naab\n"
    assert [found.message for found in StreamParser(Rules([entry])).feed(1, data)] == ["aa"]


STEPS = Entry(
    parser="steps",
    match=r"^(?P<file>\S.*)$",
    then=(r"^ (?P<code>\w+)$", r"^  (?P<line>\d+) (?P<severity>\w+): (?P<message>.*)$"),
    loop=True,
)


def test_lines_must_follow_one_by_one_and_the_last_may_be_repeated() -> None:
    text = "a.c\n lint\n  3 error: bad\n  4 warning: odd\nb.c\n lint\nBAD x\n  5 error: of none\n"
    found = parse(text, STEPS, BAD)
    assert [(each.entry.parser, each.line, each.key_line, each.file, each.file_line) for each in found] == [
        ("steps", 1, 3, "a.c", 3),
        ("steps", 4, 4, "a.c", 4),
        ("ours", 7, 7, "", 0),
    ]
    assert [each.severity for each in found[:2]] == [common_pb2.SEVERITY_ERROR, common_pb2.SEVERITY_WARNING]
    assert found[1].code == "lint"


@given(
    st.lists(st.sampled_from(["a.c", " lint", "  3 error: bad", "BAD x", ""]), max_size=12),
    st.lists(st.integers(1, 12), max_size=12),
)
def test_lines_that_must_follow_are_found_wherever_a_read_ends(lines: list[str], sizes: list[int]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    whole = parse(text, STEPS, BAD)
    stream = StreamParser(Rules([STEPS, BAD]))
    found: list[Recognised] = []
    number, rest = 1, lines
    for size in [*sizes, len(lines)]:
        part, rest = rest[:size], rest[size:]
        if part:
            found += stream.feed(number, "".join(f"{line}\n" for line in part).encode())
            number += len(part)
    found += stream.finish()
    assert [(each.entry, each.line, each.text, each.groups) for each in found] == [
        (each.entry, each.line, each.text, each.groups) for each in whole
    ]
