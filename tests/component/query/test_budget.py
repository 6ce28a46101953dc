"""Queries that run out of time: together their pages say what one long query says."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from gator.query import Queries
from gator.query.budget import Budget
from gator.store.run.reader import FolderReader
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

JOBS = [f"top/good[{index}]" for index in range(4)]


def ticking(maximum: int) -> Budget:
    """A budget of a number of reads of the clock."""
    ticks = count()
    return Budget(monotonic=lambda: float(next(ticks)), seconds=maximum)


def output(path: str) -> list[object]:
    """Two streams in small blocks whose borders lie in the middle of lines."""
    text = {runs.OUT: b"".join(b"line %d of out\n" % n for n in range(1, 41)), runs.ERR: b"e1\ne2\ne3\ne4\n"}
    events: list[object] = [runs.job(path, 0.1), runs.started(path, 0.2)]
    for stream, size in ((runs.OUT, 50), (runs.ERR, 4), (runs.OUT, 50)):
        data = text[stream]
        half = len(data) // 2 if stream == runs.OUT else len(data)
        start = half if stream == runs.OUT and len(events) > 8 else 0
        end = half if stream == runs.OUT and start == 0 else len(data)
        for at in range(start, end, size):
            piece = data[at : min(at + size, end)]
            first = data.count(b"\n", 0, at) + 1
            begun = at > 0 and data[at - 1 : at] != b"\n"
            events.append(runs.block(path, 0.3, piece, first=first, stream=stream, continues=begun))
    events.append(runs.event(path, 0.5, 1, log=_message("by the API of out")))
    return [*events, runs.finished(path, 1, out=40, err=4), runs.result(path, 1.1)]


def _message(text: str) -> runs.event_pb2.LogEvent:
    return runs.event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text=text, logger="tool")


@pytest.fixture
def reader(tracking: Path) -> Iterator[FolderReader]:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 4, 4))
    for path in JOBS:
        builder.write(*output(path))  # pyright: ignore[reportArgumentType] - events
    with FolderReader.open(builder.folder.path, live=True) as reader:
        yield reader
    builder.end()


def lines(queries: Queries, request: qs.ListLinesRequest) -> tuple[list[query_pb2.Line], int]:
    """All lines of a request, and in how many pages they came."""
    wanted = qs.ListLinesRequest()
    wanted.CopyFrom(request)
    found: list[query_pb2.Line] = []
    for pages in count(1):
        page = queries.list_lines(wanted)
        found.extend(page.lines)
        if not page.next_page_token:
            return found, pages
        wanted.page_token = page.next_page_token
    raise AssertionError


@pytest.mark.parametrize(
    "request_",
    [
        qs.ListLinesRequest(),
        qs.ListLinesRequest(messages=True, regex="out$"),
        qs.ListLinesRequest(regex="(9|[15]) of", context=2),
        qs.ListLinesRequest(regex="e[23]$|17", context=4, messages=True),
        qs.ListLinesRequest(severity=common_pb2.SEVERITY_ERROR, context=1),
        qs.ListLinesRequest(regex="nowhere"),
        qs.ListLinesRequest(regex="of", globs=["good.2", "**/good[1]"]),
        qs.ListLinesRequest(stream=runs.OUT, tail=3),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_search_that_runs_out_of_time_goes_on_where_it_was(
    reader: FolderReader, request_: qs.ListLinesRequest, size: int
) -> None:
    whole, pages = lines(Queries(reader), request_)
    assert pages == 1
    paged = qs.ListLinesRequest(page_size=size)
    paged.MergeFrom(request_)
    for maximum in (0, 1, 7):
        found, _ = lines(Queries(reader, ticking(maximum)), paged)
        assert [(line.path, line.stream, line.number, line.text, line.hit) for line in found] == [
            (line.path, line.stream, line.number, line.text, line.hit) for line in whole
        ]


def test_a_page_may_be_empty_and_still_have_a_next_one(reader: FolderReader) -> None:
    page = Queries(reader, ticking(0)).list_lines(qs.ListLinesRequest(regex="nowhere"))
    assert not page.lines
    assert page.next_page_token


def test_events_and_globs_go_on_too(reader: FolderReader) -> None:
    events: list[int] = []
    request = qs.ListEventsRequest(severity=common_pb2.SEVERITY_ERROR, page_size=5)
    queries = Queries(reader, ticking(0))
    while True:
        page = queries.list_events(request)
        events += [stored.event.seq for stored in page.events]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    whole = Queries(reader).list_events(qs.ListEventsRequest(severity=common_pb2.SEVERITY_ERROR))
    assert events == [stored.event.seq for stored in whole.events]
