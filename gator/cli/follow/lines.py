"""Follows selected lines of running jobs.

A hub receives states and output separately, so a job is followed for `settle_seconds` after its end.

Invariant: only new lines of each job are requested.
"""

import time
from collections.abc import Iterator

from msgspec import Struct

from gator.cli.follow.polling import polls
from gator.cli.follow.print_lines import PAGE, LineWriter
from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_JOBS_PER_PAGE = 100
"""Number of jobs in a page; the last page is read again to find new jobs."""


class _FollowedJob(Struct):
    """A job that may write more lines."""

    token: str = ""
    quiet_since: float = 0.0


class Follower:
    """Writes the lines of all jobs below a node as they arrive."""

    def __init__(self, opened: OpenRun, request: qs.ListLinesRequest, writer: LineWriter) -> None:
        self._opened, self._request, self._writer = opened, request, writer
        self._known: set[str] = set()
        self._live: dict[str, _FollowedJob] = {}
        self._jobs = self._jobs_request()

    def follow(self) -> None:
        """Writes lines until all jobs have ended and nothing more can arrive."""
        for poll in polls(self._opened, self._request.path, follow=True):
            self._find_jobs()
            running = set[str]() if poll.is_last else self._running()
            for path, job in list(self._live.items()):
                poll.has_news |= self._read(path, job, ended=path not in running)
            self._writer.flush()
            if poll.is_last and not self._live:
                # A store that was found late may have jobs in the middle of the list.
                self._jobs = self._jobs_request()
                self._find_jobs()
            poll.is_last &= not self._live

    def _read(self, path: str, job: _FollowedJob, *, ended: bool) -> bool:
        """Writes the new lines of a job; returns whether there were any."""
        wrote = False
        for line in self._new_lines(path, job, follow=True):
            self._writer.write(line)
            wrote = True
        now = time.monotonic()
        if wrote or not job.quiet_since:
            job.quiet_since = now
        if ended and now - job.quiet_since >= self._opened.source.settle_seconds:
            for line in self._new_lines(path, job, follow=False):
                self._writer.write(line)
            del self._live[path]
        return wrote

    def _new_lines(self, path: str, job: _FollowedJob, *, follow: bool) -> Iterator[query_pb2.Line]:
        request = qs.ListLinesRequest()
        request.CopyFrom(self._request)
        request.path, request.follow, request.page_size = path, follow, PAGE
        while True:
            request.page_token = job.token
            page = self._opened.api.list_lines(request)
            yield from page.lines
            job.token = page.next_page_token
            if page.up_to_date or not job.token:
                return

    def _jobs_request(self) -> qs.ListNodesRequest:
        return qs.ListNodesRequest(
            path=self._request.path,
            scope=qs.SCOPE_SUBTREE,
            kinds=[common_pb2.NODE_KIND_JOB],
            # New jobs are appended to the list.
            order=qs.NODE_ORDER_DECLARED,
            page_size=_JOBS_PER_PAGE,
        )

    def _find_jobs(self) -> None:
        """Adds jobs that were declared since the last call."""
        # `pages` leaves the token of the last page in the request, so the next call begins with that page.
        for page in pages(self._opened.api.list_nodes, self._jobs):
            for node in page.nodes:
                if node.path not in self._known:
                    self._known.add(node.path)
                    self._live[node.path] = _FollowedJob()

    def _running(self) -> set[str]:
        """Returns the paths of the jobs that have not ended."""
        request = self._jobs_request()
        request.states.extend((query_pb2.NODE_STATE_WAITING, query_pb2.NODE_STATE_RUNNING))
        request.page_size = 0
        return {node.path for page in pages(self._opened.api.list_nodes, request) for node in page.nodes}
