"""Lines and messages of jobs, job by job in the order of reading, found by number, severity or expression.

Rule: what a page ends with is what the next one goes on after, however the lines lie in blocks.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from gator.core.pages import Place, never
from gator.core.text import clean, readable
from gator.query import tokens
from gator.query.budget import UNLIMITED, Budget
from gator.query.chunks import Chunk, Chunker
from gator.query.levels import LevelCache
from gator.query.reader import Reader
from gator.query.search import Pattern
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

MOST_LINES = 10_000
MOST_BYTES = 2 * 1024 * 1024
_PIECE = 64
_CONTEXT_EVENTS = 16
"""A page that goes on reads so many events again, for the lines around its first hits."""

Key = tuple[int, int]
"""Number of a line in its stream, and of its piece."""


class _Found(Struct):
    """A line before it is made into a message."""

    chunk: Chunk
    number: int
    piece: int
    data: bytes
    hit: bool = True


class _Near(Struct):
    """The lines of a stream around its hits."""

    before: deque[tuple[int, int, bytes]]
    after: int = 0
    done: Key = (0, -1)
    """The last line that was given out."""


class _Mark(Struct):
    """How far the pages before have come in an attempt."""

    seq: int = 0
    """The event to read from."""
    message: int = 0
    """The last event whose message was given out."""
    lines: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """By stream the last line and piece that were given out."""
    reached: int = 0
    """The last event that was looked at; some before it may have to be read again."""


class LineFilter:
    """Which lines of an attempt are hits."""

    def __init__(self, request: qs.ListLinesRequest) -> None:
        self.request = request
        self.pattern = Pattern(request.regex) if request.regex else None
        self.narrow = bool(request.regex or request.severity)

    def hits(self, chunk: Chunk, levels: Mapping[tuple[int, int], int]) -> Iterator[_Found]:
        """The lines of a chunk that are wanted. `levels` has the severity of lines that have their own."""
        spans = self.pattern.lines(chunk.data) if self.pattern else _spans(chunk.data)
        number, counted = chunk.first_line, 0
        first, last, least = self.request.first_line, self.request.last_line, self.request.severity
        for start, end in spans:
            number += chunk.data.count(b"\n", counted, start)
            counted = start
            if number < first:
                continue
            if last and number > last:
                return
            line = chunk.data[start:end]
            if least and not _is_as_bad(least, levels.get((chunk.stream, number), chunk.severity), line):
                continue
            yield _Found(chunk, number, chunk.piece if start == 0 else 0, line)


def _is_as_bad(least: int, severity: int, line: bytes) -> bool:
    return severity >= least and bool(clean(line))


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    start, size = 0, len(data)
    while start < size:
        end = data.find(b"\n", start)
        if end < 0:
            end = size
        yield start, end
        start = end + 1


class LinePager:
    """Makes one page of lines. Raises UsageError for a wrong expression or token."""

    def __init__(
        self,
        reader: Reader,
        request: qs.ListLinesRequest,
        path: str,
        budget: Budget = UNLIMITED,
        levels: LevelCache | None = None,
    ) -> None:
        self._reader, self._request, self._path = reader, request, path
        self._filter = LineFilter(request)
        self._place = tokens.decode(request, request.page_token) or {}
        self._left = min(request.page_size or 1000, MOST_LINES)
        self._bytes = MOST_BYTES
        self._response = qs.ListLinesResponse()
        self._levels = levels or LevelCache()
        # What one page had no time to read before the first line is read by the next one whatever it takes.
        self._patient = bool(self._place.get("patient"))
        self._over = budget.begin()

    def page(self) -> qs.ListLinesResponse:
        """The page that the request asks for; when time is over, with what was found until then."""
        wanted = qs.ListNodesRequest(
            path=self._path,
            scope=qs.SCOPE_SUBTREE,
            globs=self._request.globs,
            kinds=[common_pb2.NODE_KIND_JOB],
            # The order for which nothing has to be sorted, however many jobs there are.
            order=qs.NODE_ORDER_PATH,
        )
        at, mark = self._place.get("after"), self._mark()
        begun = self._reader.node(self._place["path"]) if mark is not None else None
        if mark and begun and not self._job(begun, self._place["attempt"], mark, at):
            return self._response
        while True:
            found = self._reader.nodes(wanted, at, _PIECE, self._over)
            for place, node in found.nodes:
                if not self._job(node, self._request.attempt, _Mark(), place):
                    return self._response
                at = place
                if self._over():
                    return self._going_on({"after": at})
            if found.next is None:
                return self._response
            at = found.next
            if self._over():
                return self._going_on({"after": at})

    def _mark(self) -> _Mark | None:
        mark = self._place.get("mark")
        return _Mark(*mark) if mark else None

    def _going_on(self, place: dict[str, Any]) -> qs.ListLinesResponse:
        self._response.next_page_token = tokens.encode(self._request, place)
        return self._response

    def _job(self, node: query_pb2.Node, number: int, mark: _Mark, place: Place | None) -> bool:
        """Add the lines of one job; False when the page is full or time is over."""
        attempts = self._reader.attempts(node.path, started=False)
        if number:
            attempts = [attempt for attempt in attempts if attempt.number == number]
        if not attempts:
            return True
        attempt = attempts[-1]
        going_on: dict[str, Any] = {"path": node.path, "attempt": attempt.number, "after": place}
        levels = self._levels.of(node.path, attempt)
        if not levels.read_on(self._reader, node.path, attempt, never if self._patient else self._over):
            self._going_on({**going_on, "mark": _as_list(mark), "patient": True})
            return False
        lines = AttemptLines(self._reader, self._filter, node.path, attempt, levels.found, mark)
        for line in lines:
            if line is not None:
                self._response.lines.append(line)
                self._left -= 1
                self._bytes -= line.ByteSize()
            if self._left <= 0 or self._bytes <= 0 or (line is None and self._over()):
                self._going_on({**going_on, "mark": _as_list(lines.mark)})
                return False
        return True


def _as_list(mark: _Mark) -> list[object]:
    return [mark.seq, mark.message, mark.lines, mark.reached]


class AttemptLines:
    """The wanted lines of one attempt. `mark` says where to go on after the line that came last."""

    def __init__(
        self,
        reader: Reader,
        wanted: LineFilter,
        path: str,
        attempt: query_pb2.Attempt,
        levels: Mapping[tuple[int, int], int],
        mark: _Mark,
    ) -> None:
        """`levels` has the severity of lines that have their own."""
        self._reader, self._filter, self._path, self._attempt = reader, wanted, path, attempt
        self._request = wanted.request
        self._from = mark
        self.mark = _Mark(mark.seq, mark.message, dict(mark.lines), mark.reached)
        self._chunker = Chunker(reader.bytes_of)
        self._levels = levels
        self._near: dict[int, _Near] = {}
        around = wanted.narrow and bool(wanted.request.context)
        self._points = deque([mark.seq], maxlen=_CONTEXT_EVENTS if around else 1)

    def __iter__(self) -> Iterator[query_pb2.Line | None]:
        """The lines; None wherever a while may have passed without one."""
        tails = self._tails()
        for seq, event in self._events():
            if event.WhichOneof("payload") == "log":
                yield from self._message(seq, event)
            else:
                yield from self._block(seq, event.block, tails.get(event.block.stream, 0))
            if seq > self._from.reached:
                self.mark.reached = seq
                yield None
        for chunk in self._chunker.finish():
            yield from self._chunk(chunk, tails.get(chunk.stream, 0))

    def _block(self, seq: int, block: event_pb2.Block, first: int) -> Iterator[query_pb2.Line]:
        """The wanted lines that a block completes; those before the line `first` are not."""
        if (self._request.stream and block.stream != self._request.stream) or _last_line(block) < first:
            return
        for chunk in self._chunker.feed(seq, block):
            self.mark.seq = min(chunk.start_seq, self._chunker.resume_seq(seq), self._points[0])
            yield from self._chunk(chunk, first)
        self._points.append(self._chunker.resume_seq(seq))
        self.mark.seq = self._points[0]

    def _events(self) -> Iterator[tuple[int, event_pb2.Event]]:
        after = max(self.mark.seq - 1, 0)
        kinds = [attach_pb2.EVENT_KIND_BLOCK]
        if self._request.messages:
            kinds.append(attach_pb2.EVENT_KIND_LOG)
        while True:
            events, through = self._reader.events(
                self._attempt.store, after, _PIECE, path=self._path, attempt=self._attempt.number, kinds=kinds
            )
            for event in events:
                yield event.seq, event
            if through <= after:
                return
            after = through

    def _tails(self) -> dict[int, int]:
        """By stream the first of the last lines that are wanted."""
        tail = self._request.tail
        if not tail:
            return {}
        lines: dict[int, int] = {}
        if self._attempt.HasField("finished"):
            finished = self._attempt.finished
            lines = {1: finished.stdout_lines, 2: finished.stderr_lines}
        else:
            for _, event in self._events():
                if event.WhichOneof("payload") == "block":
                    lines[event.block.stream] = _last_line(event.block)
        return {stream: max(count - tail + 1, 1) for stream, count in lines.items()}

    def _message(self, seq: int, event: event_pb2.Event) -> Iterator[query_pb2.Line]:
        """A message that was not read from a stream."""
        log, request = event.log, self._request
        if log.line or seq <= self._from.message or request.stream:
            return
        if log.severity < request.severity:
            return
        if self._filter.pattern and not self._filter.pattern.found(log.text.encode()):
            return
        self.mark.message = seq
        yield query_pb2.Line(
            path=self._path,
            attempt=self._attempt.number,
            severity=log.severity,
            text=log.text,
            raw=log.raw,
            time_unix_nanos=event.time_unix_nanos,
            logger=log.logger,
            hit=self._filter.narrow,
        )

    def _chunk(self, chunk: Chunk, first: int) -> Iterator[query_pb2.Line]:
        seen = self._from.lines.get(str(chunk.stream))
        done: Key = (seen[0], seen[1]) if seen else (0, -1)
        found: Iterator[_Found] = self._filter.hits(chunk, self._levels)
        if self._filter.narrow and self._request.context:
            found = self._with_context(chunk, found)
        for line in found:
            if line.number < first or (line.number, line.piece) <= done:
                continue
            self.mark.lines[str(chunk.stream)] = [line.number, line.piece]
            yield self._line(line)

    def _with_context(self, chunk: Chunk, hits: Iterator[_Found]) -> Iterator[_Found]:
        """The hits of a chunk and the lines around them, each once."""
        context = self._request.context
        near = self._near.setdefault(chunk.stream, _Near(deque(maxlen=context)))
        wanted = {(hit.number, hit.piece) for hit in hits}
        if not wanted and not near.after:
            near.before.extend(_last_lines(chunk, context))
            return
        number, piece = chunk.first_line, chunk.piece
        for start, end in _spans(chunk.data):
            line = chunk.data[start:end]
            if (number, piece) in wanted:
                for old_number, old_piece, old in near.before:
                    yield _Found(chunk, old_number, old_piece, old, hit=False)
                near.before.clear()
                yield _Found(chunk, number, piece, line)
                near.after = context
            elif near.after:
                near.after -= 1
                yield _Found(chunk, number, piece, line, hit=False)
            else:
                near.before.append((number, piece, line))
            number, piece = number + 1, 0

    def _line(self, found: _Found) -> query_pb2.Line:
        chunk = found.chunk
        line = query_pb2.Line(
            path=self._path,
            attempt=self._attempt.number,
            stream=chunk.stream,
            number=found.number,
            severity=self._severity(chunk, found),
            text=readable(found.data),
            time_unix_nanos=chunk.time,
            hit=found.hit and self._filter.narrow,
        )
        if "\\x" in line.text and line.text.encode() != found.data:
            line.raw = found.data
        return line

    def _severity(self, chunk: Chunk, found: _Found) -> common_pb2.Severity.ValueType:
        own = self._levels.get((chunk.stream, found.number))
        return chunk.severity if own is None else common_pb2.Severity.ValueType(own)


def _last_line(block: event_pb2.Block) -> int:
    """Number of the line in which a block ends."""
    return block.first_line + block.lines - (not block.continues)


def _last_lines(chunk: Chunk, count: int) -> list[tuple[int, int, bytes]]:
    """The last lines of a chunk with their numbers and pieces."""
    lines = chunk.data.removesuffix(b"\n").rsplit(b"\n", count)
    total = chunk.data.removesuffix(b"\n").count(b"\n") + 1
    lines = lines[-count:]
    first = chunk.first_line + total - len(lines)
    return [
        (first + step, chunk.piece if first + step == chunk.first_line else 0, line)
        for step, line in enumerate(lines)
    ]
