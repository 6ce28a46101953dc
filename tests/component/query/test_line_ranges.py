"""Ranges of lines with their severities, which a ruler beside the output shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.errors import NotFoundError, UsageError
from gator.query import Queries
from gator.query.budget import Budget
from gator.store.run.reader import FolderReader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

JOB = "top/x"
OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR


@pytest.fixture
def reader(tracking: Path) -> Iterator[FolderReader]:
    """A job with 40 lines of stdout in 20 blocks, with two lines of stderr after the tenth of them."""
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 1, 1), runs.job(JOB, 0.1), runs.started(JOB, 1))
    for index in range(20):
        builder.write(runs.block(JOB, 2 + index, b"a\nb\n", first=2 * index + 1))
        if index == 9:
            builder.write(runs.block(JOB, 11.5, b"oops\nagain\n", first=1, stream=runs.ERR))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        yield reader
    builder.end()


def ranges(queries: Queries, **wanted: object) -> list[query_pb2.LineRange]:
    request = qs.ListLineRangesRequest(path=JOB, **wanted)  # type: ignore[arg-type]
    found: list[query_pb2.LineRange] = []
    while True:
        page = queries.list_line_ranges(request)
        found += page.ranges
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def spans(found: list[query_pb2.LineRange]) -> list[tuple[int, int, int]]:
    return [(entry.stream, entry.first_line, entry.lines) for entry in found]


def test_ranges_of_all_streams_are_in_the_order_of_reading(reader: FolderReader) -> None:
    found = ranges(Queries(reader), ranges=2)
    assert [entry.stream for entry in found if entry.stream == ERR] == [ERR]
    at = [entry.stream for entry in found].index(ERR)
    assert sum(entry.lines for entry in found[:at]) == 20
    assert sum(entry.lines for entry in found[at + 1 :]) == 20
    assert next(entry.first_line for entry in found if entry.stream == OUT) == 1


def test_ranges_of_a_stream_are_all_of_its_lines_with_their_severities(reader: FolderReader) -> None:
    found = ranges(Queries(reader), stream=OUT, ranges=5)
    assert len(found) <= 10
    following = 1
    for entry in found:
        assert entry.first_line == following
        following += entry.lines
    assert following == 41
    assert sum(entry.counts.info for entry in found) == 40
    assert found[0].first_read_unix_nanos < found[-1].last_read_unix_nanos


def test_pages_that_end_early_continue_with_the_next_lines(reader: FolderReader) -> None:
    clock = iter(range(1_000_000))
    queries = Queries(reader, Budget(lambda: float(next(clock)), 0.5))
    assert sum(entry.lines for entry in ranges(queries)) == 42


def test_an_unknown_job_or_attempt_and_a_foreign_token_are_refused(reader: FolderReader) -> None:
    queries = Queries(reader)
    with pytest.raises(NotFoundError):
        queries.list_line_ranges(qs.ListLineRangesRequest(path="top/none"))
    with pytest.raises(NotFoundError, match="has no attempt 7"):
        queries.list_line_ranges(qs.ListLineRangesRequest(path=JOB, attempt=7))
    with pytest.raises(UsageError, match="token"):
        queries.list_line_ranges(qs.ListLineRangesRequest(path=JOB, page_token="x"))
