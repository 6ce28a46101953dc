"""Lines and blocks: any chunking of bytes gives the same lines, numbers, counts and bytes."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gator.core.attempt.output.lines import BLOCK_BYTES, BLOCK_NANOS, BlockBuilder, LineCounter
from gator.core.text import clean, cut, is_blank, readable, without_nul
from gator.v1 import common_pb2, event_pb2
from tests.properties import examples

_PARTS = [
    b"\n",
    b"\n\n",
    b" ",
    b"\t",
    b"\r",
    b"\r\n",
    b"a",
    b"error: bad",
    b"\x00",
    b"\xff\xfe",
    b"\x1b",
    b"\x1b[",
    b"\x1b[31m",
    b"\x1b[0",
    b"m",
    b"\x1b]0;title\x07",
    b"\x1b]0;ti",
    b"\x1b]8;;\x1b\\",
    b"\x1b(B",
    "é".encode(),
]
_BYTES = st.lists(st.sampled_from(_PARTS), max_size=25).map(b"".join)
_ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]",
)


def _chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    cut_points = sorted({c % (len(data) + 1) for c in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(cut_points)]


def _slow(data: bytes) -> tuple[int, int]:
    """Lines and messages, counted line by line."""
    lines = data.split(b"\n")
    return len(lines) - 1 + bool(lines[-1]), sum(map(_visible, lines))


def _visible(text: bytes) -> bool:
    """Whether more than blanks is left before the first thing that is none.

    A sequence that the line's end cuts off is as invisible as a whole one.
    """
    text = re.sub(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)[ \t\r\v\f]*\Z", b"", text)
    while text:
        match = _ESCAPES.match(text)
        if match:
            text = text[match.end() :]
        elif text[:1] in b" \t\r\v\f":
            text = text[1:]
        else:
            return True
    return False


@given(_BYTES, st.lists(st.integers(0, 10_000), max_size=12))
@examples(400)
def test_any_chunking_gives_the_same_lines_and_messages(data: bytes, cuts: list[int]) -> None:
    counter = LineCounter()
    for chunk in _chunks(data, cuts):
        counter.feed(chunk)
    assert (counter.lines, counter.messages) == _slow(data)


@given(_BYTES, st.lists(st.integers(0, 10_000), max_size=12), st.integers(0, 3))
@examples(200)
def test_blocks_hold_every_byte_and_their_numbers_follow_each_other(
    data: bytes, cuts: list[int], flush_every: int
) -> None:
    builder = BlockBuilder("top/x", 1, common_pb2.STREAM_STDOUT, common_pb2.SEVERITY_INFO)
    blocks: list[event_pb2.Block] = []
    for n, chunk in enumerate(_chunks(data, cuts)):
        blocks += [event.block for event in builder.feed(chunk, n, n)]
        if flush_every and n % flush_every == 0:
            blocks += [event.block for event in builder.flush()]
    blocks += [event.block for event in builder.flush()]
    assert b"".join(b.data for b in blocks) == data
    _assert_consistent(blocks, data)


def _assert_consistent(blocks: list[event_pb2.Block], data: bytes) -> None:
    offset = 0
    for block in blocks:
        assert block.offset_bytes == offset
        assert block.size_bytes == len(block.data) <= BLOCK_BYTES
        before = data[:offset]
        assert block.continues == (bool(before) and not before.endswith(b"\n"))
        assert block.first_line == before.count(b"\n") + 1
        begun = block.data.count(b"\n") + (not block.data.endswith(b"\n")) - block.continues
        assert block.lines == begun
        offset += len(block.data)


def test_a_block_is_closed_at_half_a_mebibyte_at_the_end_of_a_line() -> None:
    builder = BlockBuilder("top/x", 1, common_pb2.STREAM_STDOUT, common_pb2.SEVERITY_INFO)
    data = b"x" * 69 + b"\n"
    data *= 20_000
    blocks: list[event_pb2.Block] = []
    for start in range(0, len(data), 65_536):
        blocks += [event.block for event in builder.feed(data[start : start + 65_536], 0, 0)]
    assert len(blocks) == 2
    assert all(b.data.endswith(b"\n") and not b.continues for b in blocks)
    blocks += [event.block for event in builder.flush()]
    _assert_consistent(blocks, data)
    assert sum(b.counts.info for b in blocks) == 20_000


def test_blank_lines_in_large_chunks_are_found_too() -> None:
    for blank in (b"", b"  ", b"\t\r", b"\x1b[0m"):
        counter = LineCounter()
        counter.feed((b"x" * 99 + b"\n") * 500 + blank + b"\n" + (b"y" * 99 + b"\n") * 500)
        assert (counter.lines, counter.messages) == (1001, 1000)


def test_a_line_longer_than_a_block_is_cut_into_pieces_with_one_number() -> None:
    builder = BlockBuilder("top/x", 1, common_pb2.STREAM_STDOUT, common_pb2.SEVERITY_INFO)
    data = b"one\n" + b"x" * (3 * BLOCK_BYTES) + b"\nthree\n"
    blocks = [event.block for event in builder.feed(data, 0, 0) + builder.flush()]
    _assert_consistent(blocks, data)
    assert [b.first_line for b in blocks[:3]] == [1, 2, 2]
    assert sum(b.counts.info for b in blocks) == 3
    assert sum(b.lines for b in blocks) == 3


def test_a_block_is_due_within_a_tenth_of_a_second_of_its_first_byte() -> None:
    builder = BlockBuilder("top/x", 1, common_pb2.STREAM_STDERR, common_pb2.SEVERITY_ERROR)
    assert builder.due is None
    builder.feed(b"a", 50, 1_000)
    builder.feed(b"b", 70, 1_020)
    assert builder.due == 50 + BLOCK_NANOS
    assert BLOCK_NANOS < 100_000_000
    (event,) = builder.flush()
    block = event.block
    assert (event.path, event.attempt, event.time_unix_nanos) == ("top/x", 1, 1_020)
    assert (block.first_read_unix_nanos, block.last_read_unix_nanos) == (1_000, 1_020)
    assert builder.due is None
    assert builder.flush() == []


def test_a_progress_bar_of_carriage_returns_is_one_line() -> None:
    counter = LineCounter()
    for percent in range(100):
        counter.feed(b"\r%d %%" % percent)
    assert (counter.lines, counter.messages) == (1, 1)


@pytest.mark.parametrize(
    "line", [b"\x1b]0;ti", b"\x1b[31", b"\x1b[31 \r", b"\x1b", b" \x1b(\t", b"\x1b[0m\x1b]8;;"]
)
def test_an_escape_sequence_that_the_lines_end_cuts_off_is_not_a_message_anywhere(line: bytes) -> None:
    for data in (line, line + b"\n"):
        counter = LineCounter()
        counter.feed(data)
        assert counter.messages == 0
    assert is_blank(line)
    assert clean(line) == ""


@given(_BYTES)
@example(b"\x1b]0;ti")
@example(b"\x1b\x1b[31m")
@examples(400)
def test_lines_that_count_are_those_that_are_not_blank_and_show_something(data: bytes) -> None:
    counter = LineCounter()
    if data:
        counter.feed(data)
    lines = data.split(b"\n")
    assert counter.messages == sum(not is_blank(line) for line in lines)
    assert all(bool(clean(line)) != is_blank(line) for line in lines)


def test_bytes_that_are_not_utf8_stand_as_their_numbers() -> None:
    assert readable(b"caf\xe9 \xff") == "caf\\xe9 \\xff"


def test_a_message_is_shown_without_colours_and_blanks() -> None:
    assert clean(b"  \x1b[31merror:\x1b[0m bad \t\r") == "error: bad"


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


def test_a_nul_is_not_part_of_any_text() -> None:
    assert readable(b"a\x00b") == clean(b"a\x00b") == "a\\x00b"
    assert without_nul("a\0b") == "a\\x00b"
