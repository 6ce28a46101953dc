"""Lines of a job that goes on: each is given once, and nothing that was given is looked at again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gator.cli.main import app
from gator.errors import UsageError
from gator.query import Queries
from gator.store.run.reader import FolderReader
from gator.v1 import common_pb2, event_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

JOB = "top/x"
LOST = common_pb2.OUTCOME_LOST
INFO = common_pb2.SEVERITY_INFO


class Follower:
    """Polls repeatedly, each time from the end of the last answer."""

    def __init__(self, queries: Queries, **wanted: object) -> None:
        self._queries = queries
        self.request = qs.ListLinesRequest(path=JOB, follow=True)
        for name, value in wanted.items():
            setattr(self.request, name, value)

    def more(self) -> list[str]:
        """What is new until all is given that is there."""
        found: list[str] = []
        while True:
            page = self._queries.list_lines(self.request)
            found += [line.text for line in page.lines]
            assert page.next_page_token or not self.request.follow
            self.request.page_token = page.next_page_token
            if page.up_to_date or not page.next_page_token:
                return found

    def rest(self) -> list[str]:
        """Returns the rest once no more arrives."""
        self.request.follow = False
        return self.more()


def said(text: str, at: float, severity: common_pb2.Severity.ValueType) -> event_pb2.Event:
    return runs.event(JOB, at, 1, log=event_pb2.LogEvent(severity=severity, text=text))


@pytest.fixture
def run(tracking: Path) -> Iterator[runs.RunBuilder]:
    """A live run of a job that has started."""
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 1, 1), runs.job(JOB, 0.1), runs.started(JOB, 1))
    yield builder
    builder.end()


@pytest.fixture
def live(run: runs.RunBuilder) -> Iterator[Queries]:
    with FolderReader.open(run.folder.path, live=True) as reader:
        yield Queries(reader)


def test_a_line_is_given_once_and_only_when_it_has_ended(run: runs.RunBuilder, live: Queries) -> None:
    follower = Follower(live)
    assert follower.more() == []
    run.write(runs.block(JOB, 1.1, b"one\ntw"))
    assert follower.more() == ["one"]
    assert follower.more() == []
    run.write(runs.block(JOB, 1.2, b"o\nthr", first=2, continues=True))
    run.write(runs.block(JOB, 1.3, b"wrong\n", stream=runs.ERR))
    assert follower.more() == ["two", "wrong"]
    run.write(runs.block(JOB, 1.4, b"ee", first=3, continues=True))
    assert follower.more() == []
    assert follower.rest() == ["three"]


@pytest.mark.parametrize("size", [1, 3])
def test_pages_of_any_size_give_the_same(run: runs.RunBuilder, live: Queries, size: int) -> None:
    follower = Follower(live, page_size=size)
    run.write(runs.block(JOB, 1.1, b"one\ntwo\nthree\nfo"))
    assert follower.more() == ["one", "two", "three"]
    run.write(runs.block(JOB, 1.2, b"ur\nfive\n", first=4, continues=True))
    assert follower.more() == ["four", "five"]


def test_the_last_lines_are_those_at_the_begin_and_all_that_come(run: runs.RunBuilder, live: Queries) -> None:
    run.write(runs.block(JOB, 1.1, b"one\ntwo\nthree\n"))
    follower = Follower(live, tail=2, page_size=1)
    assert follower.more() == ["two", "three"]
    run.write(runs.block(JOB, 1.2, b"four\nfive\nsix\n", first=4))
    assert follower.more() == ["four", "five", "six"]


def test_a_search_goes_on_with_the_lines_around_its_hits(run: runs.RunBuilder, live: Queries) -> None:
    run.write(runs.block(JOB, 1.1, b"a\nb\n"))
    follower = Follower(live, regex="x", context=1)
    assert follower.more() == []
    run.write(runs.block(JOB, 1.2, b"x1\n", first=3))
    assert follower.more() == ["b", "x1"]
    run.write(runs.block(JOB, 1.3, b"c\nd\ne\nx2\n", first=4))
    assert follower.more() == ["c", "e", "x2"]


def test_messages_are_given_once(run: runs.RunBuilder, live: Queries) -> None:
    follower = Follower(live, messages=True, severity=common_pb2.SEVERITY_WARNING)
    run.write(said("careful", 1.1, common_pb2.SEVERITY_WARNING), said("well", 1.2, INFO))
    assert follower.more() == ["careful"]
    run.write(said("worse", 1.3, common_pb2.SEVERITY_ERROR))
    assert follower.more() == ["worse"]
    assert follower.rest() == []


def test_after_a_lost_attempt_the_next_one_is_followed(run: runs.RunBuilder, live: Queries) -> None:
    follower = Follower(live)
    run.write(runs.block(JOB, 1.1, b"one\nhalf"))
    assert follower.more() == ["one"]
    run.write(runs.finished(JOB, 2, LOST, out=2), runs.started(JOB, 3, attempt=2))
    run.write(runs.block(JOB, 3.1, b"again\n", attempt=2))
    assert follower.more() == ["half", "again"]
    assert Follower(live, attempt=1).more() == ["one"]


def test_a_job_that_has_not_started_is_waited_for(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 1, 1), runs.job(JOB, 0.1))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        follower = Follower(Queries(reader))
        assert follower.more() == []
        builder.write(runs.started(JOB, 1), runs.block(JOB, 1.1, b"one\n"))
        assert follower.more() == ["one"]
    builder.end()


def test_what_was_given_is_not_read_again(
    run: runs.RunBuilder, live: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(live, messages=True)
    for number in range(1, 200):
        run.write(runs.block(JOB, number, b"line\n", first=number), said("m", number, INFO))
    assert len(follower.more()) == 398
    read = list[int]()
    events = live.reader.events

    def counted(*args: object, **names: object) -> object:
        found, through = events(*args, **names)  # pyright: ignore[reportArgumentType]
        read.append(len(found))
        return found, through

    monkeypatch.setattr(live.reader, "events", counted)
    run.write(runs.block(JOB, 300, b"line\n", first=200))
    assert follower.more() == ["line"]
    assert sum(read) <= 3


def test_the_command_asks_for_each_line_once(
    run: runs.RunBuilder, tracking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list[str]()
    blocks = iter(runs.block(JOB, 2 + n, b"one more\n", first=3 + n) for n in range(5))
    list_lines = Queries.list_lines

    def counted(queries: Queries, request: qs.ListLinesRequest) -> qs.ListLinesResponse:
        response = list_lines(queries, request)
        given.extend(line.text for line in response.lines)
        block = next(blocks, None)
        last = () if block else (runs.finished(JOB, 9), runs.result(JOB, 9), runs.result("top", 9))
        run.write(*([block] if block else last))
        return response

    monkeypatch.setattr(Queries, "list_lines", counted)
    run.write(runs.block(JOB, 1.1, b"old\nbegun\n"))
    environment = {"GATOR_TRACKING": str(tracking), "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["logs", "-f", "-l", "-n", "1", "top"], env=environment)
    printed = [line.split(": ")[1] for line in result.stdout.splitlines()]
    assert printed == given == ["begun", *["one more"] * 5]


@pytest.mark.usefixtures("run")
def test_a_group_cannot_be_followed_as_one(live: Queries) -> None:
    with pytest.raises(
        UsageError, match="top is not a job that has started: name one, only jobs can be followed"
    ):
        live.list_lines(qs.ListLinesRequest(path="top", follow=True))
