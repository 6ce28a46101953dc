"""Lists in the order of the spec, searches that read many jobs at once, and lines chosen by time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gator.errors import UsageError
from gator.query import Queries
from gator.store.reader import StoreReader
from gator.store.run.reader import FolderReader
from gator.v1 import common_pb2, query_pb2, spec_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

Gator = Callable[..., Result]
JOBS = 300


def output(path: str, *texts: bytes) -> list[Any]:
    """A job that wrote these texts, one a block, a second apart, and passed."""
    events: list[Any] = [runs.started(path, 1)]
    first = 1
    for number, text in enumerate(texts):
        begun = number > 0 and not texts[number - 1].endswith(b"\n")
        events.append(runs.block(path, 2 + number, text, first=first, continues=begun))
        first += text.count(b"\n")
    return [*events, runs.finished(path, 2 + len(texts), out=first - 1)]


@pytest.fixture
def many(tracking: Path) -> Iterator[Queries]:
    """A run of many jobs whose output is in two stores, not in their order."""
    builder = runs.RunBuilder(tracking)
    paths = [f"top/good[{number}]" for number in range(JOBS)] + ["top/bad"]
    builder.write(runs.group("top", 0, len(paths), len(paths)), *(runs.job(path, 0.1) for path in paths))
    for daemon, some in (("w1", paths[1::2]), ("w2", paths[0::2])):
        events = [
            event for path in reversed(some) for event in output(path, b"hit of ", path.encode() + b"\n")
        ]
        builder.write_elsewhere(*events, daemon=daemon)
    for path in reversed(paths):
        builder.write(runs.result(path, 9, metrics=[runs.CYCLES]))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        yield Queries(reader)
    builder.end()


def lines(queries: Queries, request: qs.ListLinesRequest) -> list[query_pb2.Line]:
    found: list[query_pb2.Line] = []
    while True:
        page = queries.list_lines(request)
        found += page.lines
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


@pytest.mark.parametrize("size", [7, 10_000])
def test_hits_come_in_the_order_of_the_spec_from_whichever_store(many: Queries, size: int) -> None:
    found = lines(many, qs.ListLinesRequest(regex="hit of top", messages=True, page_size=size))
    assert [line.path for line in found] == [*(f"top/good[{number}]" for number in range(JOBS)), "top/bad"]
    assert {line.text for line in found} == {f"hit of {line.path}" for line in found}


def test_a_search_asks_no_statement_for_each_job(many: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    query = StoreReader.query

    def counting(reader: StoreReader, sql: str, values: Any = ()) -> list[Any]:
        asked.append(sql)
        return query(reader, sql, values)

    monkeypatch.setattr(StoreReader, "query", counting)
    assert not lines(many, qs.ListLinesRequest(regex="nowhere", messages=True))
    assert len(asked) < JOBS / 10


def test_metrics_come_in_the_order_of_the_spec_and_by_pages(many: Queries) -> None:
    request, found = qs.ListMetricsRequest(page_size=11), list[str]()
    while True:
        page = many.list_metrics(request)
        found += [node.path for node in page.nodes]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == ["top", *(f"top/good[{number}]" for number in range(JOBS)), "top/bad"]
    assert not many.list_metrics(qs.ListMetricsRequest(names=["nothing"])).nodes


def test_levels_bound_a_tree(many: Queries) -> None:
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, levels=1, kinds=[common_pb2.NODE_KIND_GROUP])
    assert [node.path for node in many.list_nodes(request).nodes] == ["top"]


def test_lines_are_chosen_by_the_time_at_which_they_were_read(builder: runs.RunBuilder) -> None:
    def at(seconds: float) -> int:
        return runs.START + round(seconds * runs.SECOND)

    with FolderReader.open(builder.folder.path, live=True) as reader:
        queries = Queries(reader)
        late = qs.ListLinesRequest(path="top/bad", since_unix_nanos=at(1.3))
        assert [line.text for line in lines(queries, late)] == ["hm", "boom: it broke", "", "three"]
        early = qs.ListLinesRequest(path="top/bad", until_unix_nanos=at(1.3))
        assert [line.text for line in lines(queries, early)] == ["one", "two"]
        messages = qs.ListLinesRequest(messages=True, since_unix_nanos=at(1.65), until_unix_nanos=at(1.8))
        assert [line.text for line in lines(queries, messages)] == ["by the API"]
        assert not lines(queries, qs.ListLinesRequest(since_unix_nanos=at(60)))


def test_severities_are_found_whichever_way_a_line_got_its_own(builder: runs.RunBuilder) -> None:
    builder.write_elsewhere(
        *output("top/last", b"plain\nworse\n"),
        runs.event(
            "top/last",
            2,
            1,
            log=runs.event_pb2.LogEvent(
                severity=common_pb2.SEVERITY_CRITICAL, text="worse", stream=runs.OUT, line=2
            ),
        ),
        daemon="w3",
    )
    builder.write(runs.job("top/last", 0.5))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        wanted = qs.ListLinesRequest(path="top/last", severity=common_pb2.SEVERITY_CRITICAL)
        assert [line.text for line in lines(Queries(reader), wanted)] == ["worse"]


# -- what has not started


def test_a_live_tree_has_what_has_not_started_and_says_why(builder: runs.RunBuilder) -> None:
    with FolderReader.open(builder.folder.path, live=True) as reader:
        queries = Queries(reader)
        for size in (1, 2, 1000):
            request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, with_waiting=True, page_size=size)
            found: list[query_pb2.Node] = []
            while True:
                page = queries.list_nodes(request)
                found += page.nodes
                if not page.next_page_token:
                    break
                request.page_token = page.next_page_token
            assert [node.path for node in found] == ["top", "top/good", "top/bad", "top/last"]
            assert (found[3].state, found[3].tally.waiting) == (query_pb2.NODE_STATE_WAITING, 1)
        with pytest.raises(UsageError, match="order of the spec"):
            queries.list_nodes(
                qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, with_waiting=True, order=qs.NODE_ORDER_DURATION)
            )


def test_what_waits_says_for_which_kind_of_thing(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1), runs.started("top/good", 1))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        queries = Queries(reader)
        waiting = queries.list_waiting(qs.ListWaitingRequest(page_size=1))
        assert (waiting.entries, waiting.jobs) == (2, 2)
        found = queries.list_waiting(qs.ListWaitingRequest()).waiting
        assert {entry.path: list(entry.reasons) for entry in found} == {
            "top/bad": [query_pb2.WAITING_REASON_CORES],
            "top/last": [query_pb2.WAITING_REASON_DEPENDENCY],
        }
        tree = queries.list_nodes(qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, with_waiting=True)).nodes
        assert {node.path: list(node.waiting_for) for node in tree if node.waiting_for} == {
            "top/bad": [query_pb2.WAITING_REASON_CORES],
            "top/last": [query_pb2.WAITING_REASON_DEPENDENCY],
        }
    builder.end()


# -- commands


def test_tree_and_status_say_why_something_waits(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1), runs.started("top/good", 1))
    assert gator("tree").stdout.splitlines()[2:] == [
        "  bad  waiting  for cores",
        "  last  waiting  for what it depends on",
    ]
    text = gator("status").stdout
    assert text.splitlines()[-3:] == [
        "waiting:",
        "  top/bad   1 job  for 1 core, 0 free",
        "  top/last  1 job  for top/good to pass (1 job left), for top/bad to pass (1 job left)",
    ]
    builder.end()


def test_a_repeat_that_has_to_wait_for_another_one_says_so(
    tracking: Path, gator: Gator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gator.query.pending.waiting.WINDOW_TIERS", 2)
    lane = spec_pb2.JobGroup(ident="lane", jobs=[spec_pb2.Spec(job=spec_pb2.Job(ident="a", command="true"))])
    array = spec_pb2.JobArray(ident="top", repeats=3, jobs=[spec_pb2.Spec(group=lane)])
    builder = runs.RunBuilder(tracking, root=spec_pb2.Spec(array=array))
    builder.write(runs.group("top", 0, 3, 3), runs.group("top/lane[0]", 0.1, 1, 1))
    assert gator("status").stdout.splitlines()[-1] == "  top/lane/a  3 jobs  for its turn"
    builder.write(runs.group("top/lane[1]", 0.2, 1, 1))
    why = "for a repeat of top/lane to end (2 have started, the maximum)"
    assert gator("status").stdout.splitlines()[-1] == f"  top/lane/a  3 jobs  {why}"
    assert gator("status", "--explain", "top/lane[2]/a").stdout.splitlines()[-1] == f"  {why}"
    builder.end()


@pytest.mark.usefixtures("folder")
def test_the_output_of_a_group_has_headings(gator: Gator) -> None:
    assert gator("logs", "top", "-s", "stdout").stdout_bytes == (
        b"==> top/good <==\nhello\nworld\n\xff\x00bytes\n\n==> top/bad <==\none\ntwo\nthree\n"
    )


@pytest.mark.usefixtures("folder")
def test_nodes_are_sorted_by_an_option_that_is_the_same_for_all_commands(gator: Gator) -> None:
    # The two took equally long as measured, whatever their wall times say.
    assert [line.split()[0] for line in gator("tree", "--sort", "duration").stdout.splitlines()] == [
        "top",
        "top/good",
        "top/bad",
        "top/last",
    ]
    rows = gator("resources", "--sort", "end").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["top/good", "top/bad", "top/last"]
    assert "top/bad" in gator("failures", "--sort", "memory").stdout
    for command in ("tree", "resources", "failures"):
        assert "--sort nonsense: must be one of spec, start" in str(
            gator(command, "--sort", "nonsense", code=1).exception
        )


@pytest.mark.usefixtures("folder")
def test_lines_are_chosen_by_time_on_the_command_line(gator: Gator) -> None:
    assert gator("logs", "good", "--until", "2020-01-01").stdout == ""
    assert gator("logs", "good", "--since", "2020-01-01").stdout.startswith("hello\n")
    assert gator("grep", "hello", "--since", "2020-01-01T00:00:00Z").stdout == "top/good out:1: hello\n"
    gator("grep", "hello", "--until", "1000000h", code=1)
    assert "--since soon: must be a time" in str(gator("logs", "good", "--since", "soon", code=1).exception)


@pytest.mark.usefixtures("folder")
def test_what_a_job_asked_for_is_said_alike(gator: Gator) -> None:
    assert "1 core, 1.049 MB" in gator("resources", "good").stdout
    assert "requested" in gator("show", "good").stdout
