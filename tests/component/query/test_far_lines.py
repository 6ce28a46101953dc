"""Lines far from the beginning of large output: what is before and after them is not read."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from gator.query import Queries
from gator.store.run.reader import FolderReader
from gator.v1 import event_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

JOB = "top/x"
BLOCKS = 400
LAST = 20_000


def text(number: int) -> str:
    return f"line {number} {'x' * (number % 7)}"


def output() -> list[event_pb2.Event]:
    """Blocks of standard output, cut anywhere, with standard error and another job between them."""
    random = Random(7)
    whole = "".join(f"{text(number)}\n" for number in range(1, LAST + 1)).encode()
    cuts = sorted(random.sample(range(1, len(whole)), BLOCKS - 1))
    events: list[event_pb2.Event] = []
    errors = 0
    for index, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(whole)], strict=True)):
        first = whole.count(b"\n", 0, start) + 1
        continues = start > 0 and whole[start - 1 : start] != b"\n"
        at = 2 + index / 1000
        events.append(runs.block(JOB, at, whole[start:end], first=first, continues=continues))
        if index % 3 == 0:
            errors += 1
            events.append(runs.block(JOB, at, b"oops\n", first=errors, stream=runs.ERR))
        events += [runs.event("top/other", at, 1, metric=event_pb2.Metric(name="m"))] * (index % 5)
    return events


@pytest.fixture
def reader(tracking: Path) -> Iterator[FolderReader]:
    builder = runs.RunBuilder(tracking)
    declared = [runs.group("top", 0, 2, 2), runs.job(JOB, 0.1), runs.job("top/other", 0.1)]
    builder.write(*declared, runs.started(JOB, 1), runs.started("top/other", 1), *output())
    with FolderReader.open(builder.folder.path, live=True) as reader:
        yield reader
    builder.end()


@pytest.fixture
def bytes_read(reader: FolderReader, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the blocks that were read."""
    sizes: list[int] = []
    events = reader.events

    def counted(*args: object, **options: object) -> object:
        found, through = events(*args, **options)  # type: ignore[arg-type]
        sizes.extend(event.block.size_bytes for event in found)
        return found, through

    monkeypatch.setattr(reader, "events", counted)
    return sizes


def lines(queries: Queries, **wanted: object) -> list[tuple[int, str]]:
    request = qs.ListLinesRequest(path=JOB, stream=runs.OUT, **wanted)  # type: ignore[arg-type]
    found: list[tuple[int, str]] = []
    while True:
        page = queries.list_lines(request)
        found += [(line.number, line.text) for line in page.lines]
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def expected(first: int, last: int) -> list[tuple[int, str]]:
    return [(number, text(number)) for number in range(first, last + 1)]


@pytest.mark.parametrize("first", [1, 1999, 2000, 2001, 7777, 12_345, LAST - 60, LAST])
def test_a_range_has_its_lines_wherever_blocks_are_cut(reader: FolderReader, first: int) -> None:
    last = min(first + 60, LAST)
    assert lines(Queries(reader), first_line=first, last_line=last) == expected(first, last)
    assert lines(Queries(reader), first_line=first, last_line=last, page_size=7) == expected(first, last)


def test_a_range_reads_few_blocks(reader: FolderReader, bytes_read: list[int]) -> None:
    for first in (5000, LAST - 50):
        bytes_read.clear()
        assert lines(Queries(reader), first_line=first, last_line=first + 50) == expected(first, first + 50)
        assert len(bytes_read) < BLOCKS / 4


def test_the_end_of_a_live_stream_reads_few_blocks(reader: FolderReader, bytes_read: list[int]) -> None:
    assert lines(Queries(reader), tail=3) == expected(LAST - 2, LAST)
    assert len(bytes_read) < BLOCKS / 4
    request = qs.ListLinesRequest(path=JOB, stream=runs.ERR, tail=1)
    assert [line.number for line in Queries(reader).list_lines(request).lines] == [134]


def test_a_search_in_a_range_begins_there(reader: FolderReader, bytes_read: list[int]) -> None:
    found = lines(Queries(reader), first_line=9990, last_line=10_010, regex="line 1000[0-9]")
    assert found == expected(10_000, 10_009)
    assert len(bytes_read) < BLOCKS / 4


def test_a_line_that_does_not_exist_is_not_an_error(reader: FolderReader) -> None:
    assert lines(Queries(reader), first_line=LAST + 1, last_line=LAST + 9) == []
