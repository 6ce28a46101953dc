"""Turns the bytes of a stream into numbered lines and blocks.

Invariant: numbers and counts depend on the bytes alone, never on where a read ended. Times are arguments, in
nanoseconds.
"""

import re
from typing import Any, cast

from msgspec import Struct

from gator.ansi import BLANKS_PATTERN, UNFINISHED_PATTERN
from gator.core.attempt.severity import NAMES
from gator.core.text import (
    BLANK_LINE_PATTERN,
    BLANKS_AND_ANSI_PATTERN,
)
from gator.v1 import common_pb2, event_pb2

BLOCK_BYTES = 512 * 1024
BLOCK_NANOS = 80_000_000
"""Maximum age of an open block: it is stored within 100 ms, and the rest is for timers and the commit."""
_LARGE_BYTES = 16 * 1024
_CANDIDATES = b"\n\r\t\v\f \x1b"

_BLANK_HEAD = re.compile(BLANKS_AND_ANSI_PATTERN)
# The line end before a line of escape sequences and blanks that has at least one of the former.
_ESCAPES_ONLY = re.compile(rb"\n(?=" + BLANKS_PATTERN + rb"*+\x1b)(?=" + BLANK_LINE_PATTERN + rb"\n)")
# Maps every visible byte to the same one and keeps line ends.
_OUTLINE = b"x" * 10 + b"\n" + b"x" * 245
_BLANKS = b" \t\r\v\f"
# An unfinished escape sequence, which the next read may complete.
_UNFINISHED = re.compile(UNFINISHED_PATTERN + rb"\Z")


class Counted(Struct, frozen=True):
    """The lines that a chunk added to its stream."""

    first_line: int
    """Number of the line with the chunk's first byte, from 1."""
    continues: bool
    """Whether that line began before the chunk."""
    lines: int
    """Number of lines that begin in the chunk."""
    messages: int
    """Number of lines that proved not to be blank."""


class LineCounter:
    r"""Numbers the lines of one stream and counts those that are messages.

    Only `\n` ends a line. A line is blank if it has only whitespace, `\r` and terminal escape sequences,
    complete or not; a blank line is not a message. An unfinished line counts from its first visible byte.
    """

    __slots__ = ("_counted", "_open", "_tail", "lines", "messages")

    def __init__(self) -> None:
        self.lines = 0
        self.messages = 0
        self._open = False
        self._counted = False
        self._tail = b""

    def feed(self, chunk: bytes) -> Counted:
        """Counts the lines of the next bytes of the stream, which must not be empty."""
        continues = self._open
        lines_before, messages_before = self.lines, self.messages
        start = self._end_open_line(chunk) if continues else 0
        if start < len(chunk):
            self._count_from(chunk, start)
        first_line = lines_before if continues else lines_before + 1
        return Counted(first_line, continues, self.lines - lines_before, self.messages - messages_before)

    def _end_open_line(self, chunk: bytes) -> int:
        """Continues the line that the previous chunk left open; returns where the next line begins."""
        newline = chunk.find(b"\n")
        ended = newline >= 0
        if not self._counted:
            self._judge_open(self._tail + (chunk[:newline] if ended else chunk))
        if not ended:
            return len(chunk)
        self._open = self._counted = False
        self._tail = b""
        return newline + 1

    def _judge_open(self, text: bytes) -> None:
        """Decides whether `text`, which follows only blanks, makes an open line a message."""
        match = _BLANK_HEAD.match(text)
        blank_until = match.end() if match else 0
        if blank_until == len(text):
            self._tail = b""
        elif _UNFINISHED.match(text, blank_until):
            self._tail = text[blank_until:]
        else:
            self._counted = True
            self._tail = b""
            self.messages += 1

    def _count_from(self, chunk: bytes, start: int) -> None:
        """Counts from `start`, where a line begins."""
        end = chunk.rfind(b"\n", start) + 1
        if end:
            complete = chunk.count(b"\n", start, end)
            self.lines += complete
            self.messages += _count_messages(chunk, start, end, complete)
        else:
            end = start
        if end < len(chunk):
            self.lines += 1
            self._open = True
            self._judge_open(chunk[end:])


def _count_messages(chunk: bytes, start: int, end: int, lines: int) -> int:
    """Returns how many of the complete lines in `chunk[start:end]` are not blank."""
    is_large = end - start >= _LARGE_BYTES
    if is_large and chunk[start] not in _CANDIDATES and not _may_have_blanks(chunk, start, end):
        return lines
    part = chunk[start:end]
    messages = part.translate(_OUTLINE, _BLANKS).count(b"x\n")
    if b"\x1b" in part:
        messages -= len(_ESCAPES_ONLY.findall(b"\n" + part))
    return messages


def _may_have_blanks(chunk: bytes, start: int, end: int) -> bool:
    """Returns whether a line after the first begins in `chunk[start:end]` as a blank one could.

    re2 finds this eight times as fast as the lines can be counted. It is imported only for large chunks,
    because that takes milliseconds.
    """
    global _candidate  # noqa: PLW0603 - an import that is put off
    if _candidate is None:
        import re2

        options = cast("Any", re2).Options()
        options.encoding = cast("Any", re2).Options.Encoding.LATIN1
        _candidate = cast("Any", re2).compile(rb"\n[\n\r\t\v\f \x1b]", options)
    return _candidate.search(chunk, start, end) is not None


_candidate: Any = None


class BlockBuilder:
    """Gathers the bytes of one stream of an attempt into events with blocks.

    A block is closed before it exceeds 512 KiB, at the end of a line if possible, and by `flush`, which its
    owner calls by the time `due`, `BLOCK_NANOS` after the block's first byte. Lines of more than 512 KiB are
    cut into pieces with one number.
    """

    __slots__ = (
        "_attempt",
        "_chunks",
        "_event",
        "_filter_severity",
        "_fresh",
        "_fresh_line",
        "_messages",
        "_offset",
        "_path",
        "_severity",
        "_size",
        "_stream",
        "counter",
        "due",
        "fresh_bytes",
    )

    def __init__(
        self,
        path: str,
        attempt: int,
        stream: common_pb2.Stream.ValueType,
        severity: common_pb2.Severity.ValueType,
        filter_severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> None:
        self._path = path
        self._attempt = attempt
        self.counter = LineCounter()
        self.due: int | None = None
        """When to close the open block, in nanoseconds; None while it is empty."""
        self._stream = stream
        self._severity, self._filter_severity = severity, filter_severity
        self._event: event_pb2.Event | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._messages = 0
        self._offset = 0
        self._fresh: list[bytes] = []
        self._fresh_line = 0
        self.fresh_bytes = 0
        """Number of bytes of the open block that `take_fresh` has not returned."""

    @property
    def severity(self) -> common_pb2.Severity.ValueType:
        """Severity of the messages of this stream."""
        return self._severity

    def feed(self, data: bytes, now: int, wall: int) -> list[event_pb2.Event]:
        """Adds bytes that were read; returns the blocks that are full.

        `now` is the monotonic time for `due`, `wall` the time since 1970 for the blocks.
        """
        full: list[event_pb2.Event] = []
        while self._size + len(data) >= BLOCK_BYTES:
            room = BLOCK_BYTES - self._size
            cut = data.rfind(b"\n", 0, room) + 1 or room
            self._add(data[:cut], now, wall)
            full.extend(self.flush())
            data = data[cut:]
        if data:
            self._add(data, now, wall)
        return full

    def flush(self) -> list[event_pb2.Event]:
        """Closes the open block and returns it, if there is one."""
        event = self._event
        if event is None:
            return []
        block = event.block
        block.size_bytes = self._size
        self._count(block)
        block.data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._offset += self._size
        self._event = None
        self._chunks = []
        self._size = 0
        self._fresh = []
        self.fresh_bytes = 0
        self.due = None
        event.time_unix_nanos = block.last_read_unix_nanos
        return [event]

    def take_fresh(self) -> tuple[int, bytes, common_pb2.Counts]:
        """Returns the bytes that were added to the open block since the last call, if `fresh_bytes` is not 0.

        Before them come the number of the line in which they begin or continue, after them the counts of the
        block, which the caller may correct.
        """
        assert self._event is not None
        block = self._event.block
        self._count(block)
        data, self._fresh, self.fresh_bytes = b"".join(self._fresh), [], 0
        return self._fresh_line, data, block.counts

    def _count(self, block: event_pb2.Block) -> None:
        if self._messages:
            name = NAMES[self._severity]
            setattr(block.counts, name, getattr(block.counts, name) + self._messages)
            self._messages = 0

    def _add(self, data: bytes, now: int, wall: int) -> None:
        counted = self.counter.feed(data)
        if self._event is None:
            self.due = now + BLOCK_NANOS
            block = event_pb2.Block(
                stream=self._stream,
                severity=self._severity,
                filter_severity=self._filter_severity,
                first_line=counted.first_line,
                continues=counted.continues,
                lines=counted.lines,
                encoding=event_pb2.Block.ENCODING_RAW,
                first_read_unix_nanos=wall,
                last_read_unix_nanos=wall,
                offset_bytes=self._offset,
            )
            self._event = event_pb2.Event(path=self._path, attempt=self._attempt, block=block)
        else:
            block = self._event.block
            block.lines += counted.lines
            block.last_read_unix_nanos = wall
        if not self._fresh:
            self._fresh_line = counted.first_line
        self._fresh.append(data)
        self.fresh_bytes += len(data)
        self._messages += counted.messages
        self._chunks.append(data)
        self._size += len(data)
