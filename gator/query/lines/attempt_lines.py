"""Reads lines and messages of one attempt, filtered by number, severity or expression.

Invariant: a mark is the position after any line, regardless of how lines are split into blocks.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from gator.core.attempt.severity import NAMES
from gator.core.pages import JobAttempt
from gator.core.text import is_blank, readable
from gator.query.lines.chunks import Chunk, Chunker
from gator.query.lines.search import Pattern
from gator.query.lines.seek import MIN_LINE, last_block, seek
from gator.query.reader import Reader, read_to_end
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_PIECE = 64
MAX_CONTEXT = 1000
"""Maximum number of lines of context before and after a hit."""
_CONTEXT_EVENTS = 16
"""Number of events that a later page reads again, for the context of its first hits."""

Key = tuple[int, int]
"""Number of a line in its stream, and of the piece of it."""


class _RawLine(Struct):
    """A line before its conversion to a message."""

    chunk: Chunk
    number: int
    piece: int
    data: bytes
    hit: bool = True


class _Near(Struct):
    """The context of the hits of a stream."""

    before: deque[tuple[int, int, bytes]]
    after: int = 0
    done: Key = (0, -1)
    """The last line that was returned."""


class Mark(Struct):
    """The position of earlier pages in an attempt."""

    seq: int = 0
    """The event to read from."""
    message: int = 0
    """The last event whose message was returned."""
    lines: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """The last line and piece that were returned, by stream."""
    reached: int = 0
    """The last event that was examined; some before it may have to be read again."""


class LineFilter:
    """Decides which lines of an attempt are hits."""

    def __init__(self, request: qs.ListLinesRequest) -> None:
        self.request = request
        self.pattern = Pattern(request.regex) if request.regex else None
        self.narrow = bool(request.regex or request.severity)

    def is_in_time(self, unix_nanos: int) -> bool:
        """Returns whether output of this time is wanted."""
        until = self.request.until_unix_nanos
        return unix_nanos >= self.request.since_unix_nanos and (not until or unix_nanos < until)

    def misses_all(
        self, outputs: Iterable[Sequence[event_pb2.Event]], bytes_of: Callable[[event_pb2.Block], bytes]
    ) -> bool:
        """Returns whether no line and no message of many attempts can match, by one search through all.

        If a line continues in another block the answer is False, whatever its text.
        """
        if self.pattern is None:
            return False
        texts: list[bytes] = []
        for events in outputs:
            for event in events:
                if not event.HasField("block"):
                    texts.append(event.log.text.encode())
                elif event.block.continues:
                    return False
                else:
                    texts.append(bytes_of(event.block))
        return not self.pattern.matches(b"\n".join(texts))

    def may_hit(
        self, events: Sequence[event_pb2.Event], bytes_of: Callable[[event_pb2.Block], bytes]
    ) -> bool:
        """Returns whether any line or message of an attempt may match; faster than splitting lines.

        If a line continues in another block the answer is True, whatever its text.
        """
        minimum, pattern = self.request.severity, self.pattern
        if not self.narrow:
            return bool(events)
        for event in events:
            if event.HasField("block"):
                block = event.block
                if minimum and worst_of(block.counts) < minimum:
                    continue
                if pattern is None or block.continues or pattern.matches(bytes_of(block)):
                    return True
            elif event.log.severity >= minimum and (
                pattern is None or pattern.matches(event.log.text.encode())
            ):
                return True
        return False

    def hits(self, chunk: Chunk, levels: Mapping[tuple[int, int], int]) -> Iterator[_RawLine]:
        """Returns the hits of a chunk. `levels` has the severities of lines that have their own."""
        spans = self.pattern.lines(chunk.data) if self.pattern else _spans(chunk.data)
        number, counted = chunk.first_line, 0
        first, last, minimum = self.request.first_line, self.request.last_line, self.request.severity
        if not self.is_in_time(chunk.time):
            return
        for start, end in spans:
            number += chunk.data.count(b"\n", counted, start)
            counted = start
            if number < first:
                continue
            if last and number > last:
                return
            line = chunk.data[start:end]
            if minimum and not _is_as_bad(minimum, levels.get((chunk.stream, number), chunk.severity), line):
                continue
            yield _RawLine(chunk, number, chunk.piece if start == 0 else 0, line)


def _is_as_bad(minimum: int, severity: int, line: bytes) -> bool:
    return severity >= minimum and not is_blank(line)


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    start, size = 0, len(data)
    while start < size:
        end = data.find(b"\n", start)
        if end < 0:
            end = size
        yield start, end
        start = end + 1


def worst_of(counts: common_pb2.Counts) -> int:
    """Returns the greatest severity with a non-zero count; 0 if there is none."""
    for severity in reversed(NAMES):
        if getattr(counts, NAMES[severity]):
            return severity
    return 0


class AttemptLines:
    """The hits of one attempt. `mark` is the position after the last line returned."""

    def __init__(
        self,
        reader: Reader,
        line_filter: LineFilter,
        attempt: JobAttempt,
        levels: Mapping[tuple[int, int], int],
        mark: Mark,
        *,
        events: Sequence[event_pb2.Event] | None = None,
        first: Mapping[int, int] | None = None,
        is_running: bool = False,
    ) -> None:
        """Reads the lines of one attempt; `levels` has the severity of lines that have their own.

        `events` are all events of the attempt in order, if known; else they are read.

        `first` has the first line to return by stream, as returned by `first` of the previous page. If the
        attempt `is_running`, an unfinished line is left for a later page.
        """
        self._reader, self._filter, self._attempt, self._known = reader, line_filter, attempt, events
        self._request = line_filter.request
        self._from = mark
        self.mark = Mark(mark.seq, mark.message, dict(mark.lines), mark.reached)
        self._chunker = Chunker(reader.bytes_of)
        self._levels = levels
        self._is_running = is_running
        self.first = dict(self._tails() if first is None else first)
        """Returns the first line to return, by stream; all lines of other streams are returned."""
        self._near: dict[int, _Near] = {}
        around = line_filter.narrow and bool(line_filter.request.context)
        self._points = deque([mark.seq], maxlen=_CONTEXT_EVENTS if around else 1)

    def __iter__(self) -> Iterator[query_pb2.Line | None]:
        """Yields the lines, and None after each step without one, so that the caller can stop."""
        for seq, event in self._events(self._start()):
            if event.WhichOneof("payload") == "log":
                yield from self._message(seq, event)
                if self._points.maxlen == 1:
                    self._note(seq)
            else:
                if self._is_behind(event.block):
                    break
                yield from self._block(seq, event.block, self.first.get(event.block.stream, 0))
            if seq > self._from.reached:
                self.mark.reached = seq
                yield None
        if self._is_running:
            return
        for chunk in self._chunker.finish():
            yield from self._chunk(chunk, self.first.get(chunk.stream, 0))

    def _block(self, seq: int, block: event_pb2.Block, first: int) -> Iterator[query_pb2.Line]:
        """Yields the hits in lines that a block completes, from the line `first` on."""
        if (self._request.stream and block.stream != self._request.stream) or _last_line(block) < first:
            return
        for chunk in self._chunker.feed(seq, block):
            self.mark.seq = min(chunk.start_seq, self._chunker.resume_seq(seq), self._points[0])
            yield from self._chunk(chunk, first)
        self._note(seq)

    def _note(self, seq: int) -> None:
        """Records that all events up to this one are done, except an unfinished line."""
        self._points.append(self._chunker.resume_seq(seq))
        self.mark.seq = self._points[0]

    def _is_behind(self, block: event_pb2.Block) -> bool:
        """Returns whether no wanted line is in a block or after it."""
        request = self._request
        if not (request.last_line and request.stream == block.stream) or self._is_running:
            return False
        return block.first_line > request.last_line and not (request.messages or request.context)

    def _start(self) -> int:
        """Returns the position to read from: without an earlier page that of the first wanted line."""
        request = self._request
        line = max(request.first_line, self.first.get(request.stream, 0))
        is_far = line >= MIN_LINE and request.stream and not (request.messages or request.context)
        if self.mark.seq or self._known is not None or not is_far:
            return max(self.mark.seq - 1, 0)
        return seek(self._reader, self._attempt, request.stream, line)

    def _events(self, after: int = 0) -> Iterator[tuple[int, event_pb2.Event]]:
        """Yields the events after a position."""
        if self._known is not None:
            yield from ((event.seq, event) for event in self._known if event.seq > after)
            return
        kinds = [attach_pb2.EVENT_KIND_BLOCK]
        if self._request.messages:
            kinds.append(attach_pb2.EVENT_KIND_LOG)
        attempt = self._attempt
        for events, _ in read_to_end(
            self._reader, attempt.store, after, _PIECE, path=attempt.path, attempt=attempt.number, kinds=kinds
        ):
            yield from ((event.seq, event) for event in events)

    def _tails(self) -> dict[int, int]:
        """Returns the first of the last lines asked for, by stream."""
        tail = self._request.tail
        if not tail:
            return {}
        lines: dict[int, int] = {}
        if self._attempt.stdout_lines is not None:
            lines = {1: self._attempt.stdout_lines, 2: self._attempt.stderr_lines or 0}
            files = event_pb2.LogFiles.FromString(self._attempt.log_files or b"")
            lines |= {int(each.stream): each.lines for each in files.list}
        elif self._request.stream and self._known is None:
            block = last_block(self._reader, self._attempt, self._request.stream)
            lines = {self._request.stream: _last_line(block)} if block is not None else {}
        else:
            for _, event in self._events():
                if event.WhichOneof("payload") == "block":
                    lines[event.block.stream] = _last_line(event.block)
        return {stream: max(count - tail + 1, 1) for stream, count in lines.items()}

    def _message(self, seq: int, event: event_pb2.Event) -> Iterator[query_pb2.Line]:
        """Returns the line of a message that was not read from a stream."""
        log, request = event.log, self._request
        if log.line or seq <= self._from.message or request.stream:
            return
        if log.severity < request.severity or not self._filter.is_in_time(event.time_unix_nanos):
            return
        if self._filter.pattern and not self._filter.pattern.matches(log.text.encode()):
            return
        self.mark.message = seq
        yield query_pb2.Line(
            path=self._attempt.path,
            attempt=self._attempt.number,
            severity=log.severity,
            text=log.text,
            raw=log.raw,
            time_unix_nanos=event.time_unix_nanos,
            logger=log.logger,
            hit=self._filter.narrow,
        )

    def _chunk(self, chunk: Chunk, first: int) -> Iterator[query_pb2.Line]:
        last = self._from.lines.get(str(chunk.stream))
        done: Key = (last[0], last[1]) if last else (0, -1)
        lines: Iterator[_RawLine] = self._filter.hits(chunk, self._levels)
        if self._filter.narrow and self._request.context:
            lines = self._with_context(chunk, lines)
        for line in lines:
            if line.number < first or (line.number, line.piece) <= done:
                continue
            self.mark.lines[str(chunk.stream)] = [line.number, line.piece]
            yield self._line(line)

    def _with_context(self, chunk: Chunk, hits: Iterator[_RawLine]) -> Iterator[_RawLine]:
        """Yields the hits of a chunk and their context, each line once."""
        context = min(self._request.context, MAX_CONTEXT)
        near = self._near.setdefault(chunk.stream, _Near(deque(maxlen=context)))
        pieces = {(hit.number, hit.piece) for hit in hits}
        if not pieces and not near.after:
            near.before.extend(_last_lines(chunk, context))
            return
        number, piece = chunk.first_line, chunk.piece
        for start, end in _spans(chunk.data):
            line = chunk.data[start:end]
            if (number, piece) in pieces:
                for old_number, old_piece, old in near.before:
                    yield _RawLine(chunk, old_number, old_piece, old, hit=False)
                near.before.clear()
                yield _RawLine(chunk, number, piece, line)
                near.after = context
            elif near.after:
                near.after -= 1
                yield _RawLine(chunk, number, piece, line, hit=False)
            else:
                near.before.append((number, piece, line))
            number, piece = number + 1, 0

    def _line(self, raw: _RawLine) -> query_pb2.Line:
        chunk = raw.chunk
        line = query_pb2.Line(
            path=self._attempt.path,
            attempt=self._attempt.number,
            stream=chunk.stream,
            number=raw.number,
            severity=self._severity(chunk, raw),
            text=readable(raw.data),
            time_unix_nanos=chunk.time,
            hit=raw.hit and self._filter.narrow,
        )
        if "\\x" in line.text and line.text.encode() != raw.data:
            line.raw = raw.data
        return line

    def _severity(self, chunk: Chunk, raw: _RawLine) -> common_pb2.Severity.ValueType:
        own = self._levels.get((chunk.stream, raw.number))
        return chunk.severity if own is None else common_pb2.Severity.ValueType(own)


def _last_line(block: event_pb2.Block) -> int:
    """Returns the number of the line in which a block ends."""
    return block.first_line + block.lines - (not block.continues)


def _last_lines(chunk: Chunk, count: int) -> list[tuple[int, int, bytes]]:
    """Returns the last lines of a chunk with their numbers and pieces."""
    lines = chunk.data.removesuffix(b"\n").rsplit(b"\n", count)
    total = chunk.data.removesuffix(b"\n").count(b"\n") + 1
    lines = lines[-count:]
    first = chunk.first_line + total - len(lines)
    return [
        (first + step, chunk.piece if first + step == chunk.first_line else 0, line)
        for step, line in enumerate(lines)
    ]
