"""Pages of lines and messages of jobs, job by job in the order of the spec.

The output of many small jobs is read at once. Jobs with much output, and those at the start or end of a page,
are read piece by piece.

Invariant: a page continues exactly where the previous one ended; a page also ends when its time is over.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from gator.core.pages import JobAttempt, never
from gator.errors import UsageError
from gator.query import tokens
from gator.query.budget import UNLIMITED, Budget
from gator.query.lines.attempt_lines import AttemptLines, LineFilter, Mark
from gator.query.lines.severities import SeverityCache, levels_in
from gator.query.reader import Reader
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

MAX_LINES = 10_000
MAX_BYTES = 2 * 1024 * 1024
_MIN_JOBS = 32
_MAX_JOBS = 512
"""Numbers of jobs read at once: few at first, doubled each time up to the maximum."""
_AFTER_ALL = "\U0010ffff"
"""Sorts after every sort key."""


class _Position(Struct, frozen=True):
    """Position at which the next page of `LinePager` begins."""

    path: str = ""
    attempt: tokens.Count = 0
    after: str = ""
    """Sort key of the last job."""
    mark: (
        tuple[tokens.Count, tokens.Count, dict[str, tuple[tokens.Count, tokens.Count]], tokens.Count] | None
    ) = None
    first: dict[int, tokens.Count] | None = None
    patient: bool = False


class LinePager:
    """Builds one page of lines. Raises UsageError for an invalid expression or token."""

    def __init__(
        self,
        reader: Reader,
        request: qs.ListLinesRequest,
        path: str,
        budget: Budget = UNLIMITED,
        levels: SeverityCache | None = None,
    ) -> None:
        self._reader, self._request, self._path = reader, request, path
        self._filter = LineFilter(request)
        self._position = tokens.decode(request, request.page_token, _Position) or _Position()
        self._left = min(request.page_size or 1000, MAX_LINES)
        self._bytes = MAX_BYTES
        self._response = qs.ListLinesResponse()
        self._levels = levels or SeverityCache()
        # If a page had no time to reach the first line, the next page does so regardless of the time.
        self._patient = self._position.patient
        self._over = budget.begin()

    def page(self) -> qs.ListLinesResponse:
        """Returns the page, which is partial if the time is over."""
        if self._request.follow:
            return self._follow()
        after, mark, size = self._position.after, self._mark(), _MIN_JOBS
        if mark is not None:
            begun = self._attempt_at(self._position.path, self._position.attempt)
            if begun is not None and not self._job(begun._replace(sort_key=after), mark):
                return self._response
        request = qs.ListLinesRequest()
        request.CopyFrom(self._request)
        request.path = self._path
        while True:
            listed = self._reader.job_attempts(request, after, size, self._over)
            if not self._jobs(listed.attempts):
                return self._response
            if listed.next is None:
                return self._response
            after, size = listed.next, min(2 * size, _MAX_JOBS)
            if self._over():
                return self._continue_at({"after": after})

    def _jobs(self, attempts: Sequence[JobAttempt]) -> bool:
        """Adds the lines of attempts. Returns False if the page is full or the time is over."""
        kinds = [attach_pb2.EVENT_KIND_BLOCK, attach_pb2.EVENT_KIND_LOG]
        outputs = self._reader.outputs(attempts, kinds)
        if len(outputs) == len(attempts) and self._filter.misses_all(outputs.values(), self._reader.bytes_of):
            return True
        for attempt in attempts:
            events = outputs.get(attempt)
            if events is not None and not self._filter.may_hit(events, self._reader.bytes_of):
                continue
            if not self._job(attempt, Mark(), events):
                return False
            if self._over():
                self._continue_at({"after": attempt.sort_key})
                return False
        return True

    def _attempt_at(self, path: str, number: int) -> JobAttempt | None:
        """Returns an attempt at a job without its sort key; number 0 means the last one."""
        attempts = self._reader.attempts(path, started=False)
        if number:
            attempts = [attempt for attempt in attempts if attempt.number == number]
        return _as_plain(path, attempts[-1]) if attempts else None

    def _follow(self) -> qs.ListLinesResponse:
        """Returns the new lines of a single job, always with a token."""
        node = self._reader.node(self._path)
        if node is None or node.kind != common_pb2.NODE_KIND_JOB:
            raise UsageError(
                f"{self._path} is not a job that has started: name one, only jobs can be followed"
            )
        number = self._position.attempt or self._request.attempt
        mark = self._mark() or Mark()
        last = self._attempt_at(node.path, 0)
        newest = last.number if last is not None else 0
        if number and newest > number and not self._request.attempt:
            before = self._attempt_at(node.path, number)
            if before is not None and not self._job(before._replace(sort_key=_AFTER_ALL), mark):
                return self._response
            number, mark, self._position = newest, Mark(), _Position()
        attempt = self._attempt_at(node.path, number)
        if attempt is None:
            position = {"path": node.path, "attempt": number, "after": _AFTER_ALL, "mark": _as_list(mark)}
            self._continue_at(position)
            self._response.up_to_date = True
        elif self._job(attempt._replace(sort_key=_AFTER_ALL), mark, is_running=True):
            self._response.up_to_date = True
        return self._response

    def _mark(self) -> Mark | None:
        mark = self._position.mark
        if mark is None:
            return None
        lines = {stream: list(line) for stream, line in mark[2].items()}
        return Mark(mark[0], mark[1], lines, mark[3])

    def _continue_at(self, position: dict[str, Any]) -> qs.ListLinesResponse:
        self._response.next_page_token = tokens.encode(self._request, position)
        return self._response

    def _job(
        self,
        attempt: JobAttempt,
        mark: Mark,
        events: Sequence[event_pb2.Event] | None = None,
        *,
        is_running: bool = False,
    ) -> bool:
        """Adds the lines of one attempt. Returns False if the page is full or the time is over.

        `events` are all of its events, if known.
        """
        going_on: dict[str, Any] = {
            "path": attempt.path,
            "attempt": attempt.number,
            "after": attempt.sort_key,
        }
        if events is not None:
            levels = levels_in(events)
            if not self._request.messages:
                events = [event for event in events if event.HasField("block")]
        else:
            kept = self._levels.of(attempt)
            if not kept.read_on(self._reader, attempt, never if self._patient else self._over):
                self._continue_at({**going_on, "mark": _as_list(mark), "patient": True})
                return False
            levels = kept.by_line
        lines = AttemptLines(
            self._reader,
            self._filter,
            attempt,
            levels,
            mark,
            events=events,
            first=self._first_lines(attempt.path),
            is_running=is_running,
        )
        going_on["first"] = {str(stream): line for stream, line in lines.first.items()}
        for line in lines:
            if line is not None:
                self._response.lines.append(line)
                self._left -= 1
                self._bytes -= line.ByteSize()
            if self._left <= 0 or self._bytes <= 0 or (line is None and self._over()):
                self._continue_at({**going_on, "mark": _as_list(lines.mark)})
                return False
        if is_running:
            self._continue_at({**going_on, "mark": _as_list(lines.mark)})
        return True

    def _first_lines(self, path: str) -> dict[int, int] | None:
        """Returns the first lines to return that an earlier page found; None if the job begins here."""
        return self._position.first if self._position.path == path else None


def _as_list(mark: Mark) -> list[object]:
    return [mark.seq, mark.message, mark.lines, mark.reached]


def _as_plain(path: str, attempt: query_pb2.Attempt) -> JobAttempt:
    ended = attempt.finished if attempt.HasField("finished") else None
    return JobAttempt(
        sort_key="",
        path=path,
        number=attempt.number,
        store=attempt.store,
        ended_unix_nanos=attempt.ended_unix_nanos or None,
        stdout_lines=ended.stdout_lines if ended else None,
        stderr_lines=ended.stderr_lines if ended else None,
        log_files=ended.log_files.SerializeToString() if ended and ended.HasField("log_files") else None,
    )
