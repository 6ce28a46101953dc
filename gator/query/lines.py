"""Lines and messages of jobs in pages, job by job.

Rule: what a page ends with is what the next one goes on after; a page ends too when its time is over.
"""

from typing import Any

from msgspec import Struct

from gator.core.pages import Place, never
from gator.errors import UsageError
from gator.query import tokens
from gator.query.attempt_lines import AttemptLines, LineFilter, Mark
from gator.query.budget import UNLIMITED, Budget
from gator.query.levels import LevelCache
from gator.query.reader import Reader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

MOST_LINES = 10_000
MOST_BYTES = 2 * 1024 * 1024
_PIECE = 64


class _Place(Struct, frozen=True):
    """Where the lines go on, as `LinePager` writes it."""

    path: str = ""
    attempt: tokens.Count = 0
    after: tuple[tokens.Number | str, str, tokens.Count] | None = None
    mark: (
        tuple[tokens.Count, tokens.Count, dict[str, tuple[tokens.Count, tokens.Count]], tokens.Count] | None
    ) = None
    first: dict[int, tokens.Count] | None = None
    patient: bool = False


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
        self._place = tokens.decode(request, request.page_token, _Place) or _Place()
        self._left = min(request.page_size or 1000, MOST_LINES)
        self._bytes = MOST_BYTES
        self._response = qs.ListLinesResponse()
        self._levels = levels or LevelCache()
        # What one page had no time to read before the first line is read by the next one whatever it takes.
        self._patient = self._place.patient
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
        if self._request.follow:
            return self._follow(wanted)
        at, mark = list(self._place.after) if self._place.after else None, self._mark()
        begun = self._reader.node(self._place.path) if mark is not None else None
        if mark and begun and not self._job(begun, self._place.attempt, mark, at):
            return self._response
        while True:
            found = self._reader.nodes(wanted, at, _PIECE, self._over)
            for place, node in found.nodes:
                if not self._job(node, self._request.attempt, Mark(), place):
                    return self._response
                at = place
                if self._over():
                    return self._going_on({"after": at})
            if found.next is None:
                return self._response
            at = found.next
            if self._over():
                return self._going_on({"after": at})

    def _follow(self, wanted: qs.ListNodesRequest) -> qs.ListLinesResponse:
        """What is new of a single job; always with a token."""
        jobs = self._reader.nodes(wanted, None, 1).nodes
        if not jobs or jobs[0][1].path != self._path:
            raise UsageError(f"{self._path} is not a job that was declared: only a job can be followed")
        place, node = jobs[0]
        number = self._place.attempt or self._request.attempt
        mark = self._mark() or Mark()
        attempts = self._reader.attempts(node.path, started=False)
        newest = attempts[-1].number if attempts else 0
        if number and newest > number and not self._request.attempt:
            if not self._job(node, number, mark, place):
                return self._response
            number, mark, self._place = newest, Mark(), _Place()
        if not any(number in (0, attempt.number) for attempt in attempts):
            self._going_on({"path": node.path, "attempt": number, "after": place, "mark": _as_list(mark)})
            self._response.up_to_date = True
        elif self._job(node, number, mark, place, goes_on=True):
            self._response.up_to_date = True
        return self._response

    def _mark(self) -> Mark | None:
        mark = self._place.mark
        if mark is None:
            return None
        lines = {stream: list(line) for stream, line in mark[2].items()}
        return Mark(mark[0], mark[1], lines, mark[3])

    def _going_on(self, place: dict[str, Any]) -> qs.ListLinesResponse:
        self._response.next_page_token = tokens.encode(self._request, place)
        return self._response

    def _job(
        self,
        node: query_pb2.Node,
        number: int,
        mark: Mark,
        place: Place | None,
        *,
        goes_on: bool = False,
    ) -> bool:
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
        lines = AttemptLines(
            self._reader,
            self._filter,
            node.path,
            attempt,
            levels.found,
            mark,
            first=self._first_lines(node.path),
            goes_on=goes_on,
        )
        going_on["first"] = {str(stream): line for stream, line in lines.first.items()}
        for line in lines:
            if line is not None:
                self._response.lines.append(line)
                self._left -= 1
                self._bytes -= line.ByteSize()
            if self._left <= 0 or self._bytes <= 0 or (line is None and self._over()):
                self._going_on({**going_on, "mark": _as_list(lines.mark)})
                return False
        if goes_on:
            self._going_on({**going_on, "mark": _as_list(lines.mark)})
        return True

    def _first_lines(self, path: str) -> dict[int, int] | None:
        """What the page before found of the first lines that are wanted; None for a job that begins here."""
        return self._place.first if self._place.path == path else None


def _as_list(mark: Mark) -> list[object]:
    return [mark.seq, mark.message, mark.lines, mark.reached]
