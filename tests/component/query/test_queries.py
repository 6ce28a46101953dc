"""Queries over the folder of a run."""

from pathlib import Path

import pytest

from gator.errors import NotFoundError, UsageError
from gator.event_kinds import GRADED_KINDS
from gator.query import Queries
from gator.query.watch import EventWatch, RunWatch
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs


def texts(response: qs.ListLinesResponse) -> list[str]:
    return [line.text for line in response.lines]


def test_a_run_says_who_started_it_and_what_came_of_it(queries: Queries) -> None:
    run = queries.get_run(qs.GetRunRequest()).run
    assert (run.id, run.ident, run.user, run.seed) == (runs.RUN_ID, "top", "someone", 7)
    assert list(run.argv) == ["gator", "run", "nightly.yaml", "-j", "2"]
    assert run.state == query_pb2.RUN_STATE_ENDED
    assert run.result.outcome == common_pb2.OUTCOME_FAILED
    assert (run.tally.passed, run.tally.failed, run.tally.pruned) == (1, 1, 1)


def test_another_run_is_not_found(queries: Queries) -> None:
    assert queries.get_run(qs.GetRunRequest(run=runs.RUN_ID)).run.id == runs.RUN_ID
    with pytest.raises(NotFoundError):
        queries.get_run(qs.GetRunRequest(run="another"))


def test_a_node_has_attempts_a_result_and_its_description_without_secrets(queries: Queries) -> None:
    answer = queries.get_node(qs.GetNodeRequest(path="top/bad"))
    assert answer.node.outcome == common_pb2.OUTCOME_FAILED
    assert answer.node.first_error.text == "boom: it broke"
    assert [attempt.number for attempt in answer.attempts] == [1]
    assert list(answer.attempts[0].started.argv) == ["echo", "a b"]
    assert answer.attempts[0].finished.exit_code == 1
    env = {item.name: item.value for item in answer.description.job.settings.env}
    assert env == {"API_TOKEN": "***", "MODE": "fast"}


def test_nodes_come_in_pages(queries: Queries) -> None:
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, order=qs.NODE_ORDER_SPEC, page_size=3)
    first = queries.list_nodes(request)
    request.page_token = first.next_page_token
    second = queries.list_nodes(request)
    assert [node.path for node in first.nodes] == ["top", "top/good", "top/bad"]
    assert [node.path for node in second.nodes] == ["top/last"]
    assert not second.next_page_token


@pytest.mark.parametrize("order", qs.NodeOrder.values())
def test_every_order_gives_every_node_once_however_small_the_pages(
    queries: Queries, order: qs.NodeOrder.ValueType
) -> None:
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, order=order, page_size=1)
    found: list[str] = []
    while True:
        page = queries.list_nodes(request)
        found += [node.path for node in page.nodes]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert sorted(found) == ["top", "top/bad", "top/good", "top/last"]


def test_nodes_are_chosen_by_outcome_kind_and_glob(queries: Queries) -> None:
    by_outcome = qs.ListNodesRequest(outcomes=[common_pb2.OUTCOME_FAILED])
    assert [node.path for node in queries.list_nodes(by_outcome).nodes] == ["top/bad"]
    by_kind = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, kinds=[common_pb2.NODE_KIND_GROUP])
    assert [node.path for node in queries.list_nodes(by_kind).nodes] == ["top"]
    by_glob = qs.ListNodesRequest(globs=["g*", "top/la*"])
    assert [node.path for node in queries.list_nodes(by_glob).nodes] == ["top/good", "top/last"]


def test_a_token_is_good_for_its_own_request_only(queries: Queries) -> None:
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, page_size=1)
    token = queries.list_nodes(request).next_page_token
    with pytest.raises(UsageError, match="another request"):
        queries.list_nodes(qs.ListNodesRequest(page_token=token))
    with pytest.raises(UsageError, match="the token is invalid"):
        queries.list_nodes(qs.ListNodesRequest(page_token="rubbish!"))


def test_events_are_listed_without_blocks_unless_asked_for(queries: Queries) -> None:
    events = queries.list_events(qs.ListEventsRequest(path="top/good")).events
    kinds = [event.event.WhichOneof("payload") for event in events]
    assert kinds == ["declared", "result", "started", "log", "sample", "sample", "attempt_finished"]
    blocks = queries.list_events(
        qs.ListEventsRequest(path="top/good", kinds=[attach_pb2.EVENT_KIND_BLOCK], attempt=1)
    )
    assert len(blocks.events) == 2


def test_events_of_a_severity_are_messages_and_blocks_of_streams_that_are_as_bad(queries: Queries) -> None:
    request = qs.ListEventsRequest(kinds=GRADED_KINDS, severity=common_pb2.SEVERITY_WARNING)
    found = [stored.event for stored in queries.list_events(request).events]
    assert {event.block.stream for event in found if event.HasField("block")} == {common_pb2.STREAM_STDERR}
    assert [event.log.text for event in found if event.HasField("log")] == ["by the API"]


def test_events_come_in_pages_across_stores(queries: Queries) -> None:
    request = qs.ListEventsRequest(page_size=2)
    seen: list[tuple[str, int]] = []
    while True:
        page = queries.list_events(request)
        seen += [(event.store, event.event.seq) for event in page.events]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert len(seen) == len(set(seen)) == 15


def test_a_line_across_two_blocks_is_one_line(queries: Queries) -> None:
    found = queries.list_lines(qs.ListLinesRequest(path="top/good"))
    assert texts(found) == ["hello", "world", "\\xff\\x00bytes"]
    assert [line.number for line in found.lines] == [1, 2, 3]
    assert found.lines[2].raw == b"\xff\x00bytes"


def test_lines_are_in_the_order_of_reading_with_the_severity_of_their_stream(queries: Queries) -> None:
    found = queries.list_lines(qs.ListLinesRequest(path="top/bad"))
    assert texts(found) == ["one", "two", "hm", "boom: it broke", "", "three"]
    worse = qs.ListLinesRequest(path="top/bad", severity=common_pb2.SEVERITY_ERROR)
    assert texts(queries.list_lines(worse)) == ["hm", "boom: it broke"]


def test_lines_are_found_by_number_tail_and_stream(queries: Queries) -> None:
    around = qs.ListLinesRequest(path="top/bad", stream=runs.ERR, first_line=2, last_line=2)
    assert texts(queries.list_lines(around)) == ["boom: it broke"]
    tail = qs.ListLinesRequest(path="top/bad", stream=runs.OUT, tail=1)
    assert texts(queries.list_lines(tail)) == ["three"]


def test_a_search_gives_hits_with_the_lines_around_them(queries: Queries) -> None:
    hits = queries.list_lines(qs.ListLinesRequest(regex="o$", context=1))
    assert [(line.path, line.text, line.hit) for line in hits.lines] == [
        ("top/good", "hello", True),
        ("top/good", "world", False),
        ("top/bad", "one", False),
        ("top/bad", "two", True),
        ("top/bad", "three", False),
    ]


def test_messages_of_the_api_are_found_too_if_asked_for(queries: Queries) -> None:
    request = qs.ListLinesRequest(regex="API", messages=True)
    (line,) = queries.list_lines(request).lines
    assert (line.text, line.logger, line.severity) == ("by the API", "tool", common_pb2.SEVERITY_WARNING)


def test_a_wrong_expression_says_why(queries: Queries) -> None:
    with pytest.raises(UsageError, match=r"a \( is not closed"):
        queries.list_lines(qs.ListLinesRequest(regex="(a"))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_lines_come_in_pages_of_any_size(queries: Queries, size: int) -> None:
    whole = queries.list_lines(qs.ListLinesRequest(messages=True))
    request = qs.ListLinesRequest(messages=True, page_size=size)
    found: list[query_pb2.Line] = []
    while True:
        page = queries.list_lines(request)
        found.extend(page.lines)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == list(whole.lines)


def test_metrics_are_those_of_nodes_that_have_some(queries: Queries) -> None:
    nodes = queries.list_metrics(qs.ListMetricsRequest()).nodes
    assert [(node.path, node.metrics[0].value) for node in nodes] == [("top", 1200.5), ("top/good", 1200.5)]
    assert not queries.list_metrics(qs.ListMetricsRequest(names=["other"])).nodes


def test_samples_are_folded_into_the_points_asked_for(queries: Queries) -> None:
    (point,) = queries.list_samples(qs.ListSamplesRequest(path="top/good", points=1)).points
    assert (point.cores, point.memory_bytes, point.processes, point.samples) == (1.0, 2 << 20, 3, 2)
    assert len(queries.list_samples(qs.ListSamplesRequest(path="top/good")).points) == 2


def test_what_waits_says_what_for(builder: runs.RunBuilder) -> None:
    with FolderReader.open(builder.folder.path, live=True) as reader:
        queries = Queries(reader)
        assert queries.get_run(qs.GetRunRequest()).run.tally.waiting == 1
        builder.write(job := runs.job("top/more", 4))
        assert job.path == "top/more"
        (entry,) = queries.list_waiting(qs.ListWaitingRequest()).waiting
    assert (entry.path, entry.jobs) == ("top/last", 1)
    # Both have ended, so nothing but resources keeps it.
    assert not entry.awaited


def test_what_waits_names_the_jobs_that_have_not_ended(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1))
    with FolderReader.open(builder.folder.path, live=True) as reader:
        waiting = Queries(reader).list_waiting(qs.ListWaitingRequest()).waiting
    builder.end()
    assert {entry.path: [a.path for a in entry.awaited] for entry in waiting} == {
        "top/bad": [],
        "top/last": ["top/good", "top/bad"],
    }


def test_a_dead_run_is_shown_as_it_will_be_closed_and_nothing_is_written(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 2, 3), runs.job("top/good", 0.1), runs.job("top/bad", 0.1))
    # The root died before it heard of what this daemon wrote.
    builder.write_elsewhere(runs.started("top/good", 1), runs.finished("top/good", 2), absorb=False)
    folder = builder.die()
    before = {path.name: path.read_bytes() for path in (folder / "stores").iterdir()}
    with FolderReader.open(folder, live=False) as reader:
        queries = Queries(reader)
        run = queries.get_run(qs.GetRunRequest()).run
        nodes = queries.list_nodes(qs.ListNodesRequest()).nodes
        attempts = queries.get_node(qs.GetNodeRequest(path="top/good")).attempts
    assert run.state == query_pb2.RUN_STATE_DIED
    assert (run.result.outcome, run.result.reason) == (
        common_pb2.OUTCOME_LOST,
        common_pb2.REASON_RUN_DIED,
    )
    assert {node.path: node.outcome for node in nodes} == {
        "top/good": common_pb2.OUTCOME_PASSED,
        "top/bad": common_pb2.OUTCOME_LOST,
    }
    assert attempts[0].finished.outcome == common_pb2.OUTCOME_PASSED
    after = {path.name: path.read_bytes() for path in (folder / "stores").iterdir()}
    assert after == before


def test_a_watch_of_a_run_speaks_only_when_something_changed(builder: runs.RunBuilder) -> None:
    with FolderReader.open(builder.folder.path, live=True) as reader:
        watch = RunWatch(reader, qs.WatchRunRequest(longest=3))
        first = watch.poll()
        assert first is not None
        assert watch.poll() is None
        builder.write(runs.job("top/last", 4))
        second = watch.poll()
        assert second is not None
        assert (first.run.tally.waiting, second.run.tally.waiting) == (1, 0)
        again = RunWatch(reader, qs.WatchRunRequest(longest=3, resume_token=second.resume_token))
        assert again.poll() is None
        assert not again.over


def test_a_watch_of_events_goes_on_where_its_token_says(builder: runs.RunBuilder) -> None:
    kinds = [attach_pb2.EVENT_KIND_DECLARED]
    with FolderReader.open(builder.folder.path, live=True) as reader:
        request = qs.WatchEventsRequest(filter=attach_pb2.EventFilter(kinds=kinds))
        seen = EventWatch(reader, request).poll()
        assert seen is not None
        assert len(seen.events) == 3
        request.resume_token = seen.resume_token
        watch = EventWatch(reader, request)
        assert watch.poll() is None
        builder.write(runs.job("top/last", 4))
        more = watch.poll()
        assert more is not None
        assert [event.event.path for event in more.events] == ["top/last"]


def test_a_watch_of_only_new_events_skips_what_was_there(queries: Queries) -> None:
    watch = EventWatch(queries.reader, qs.WatchEventsRequest(only_new=True))
    assert watch.poll() is None
    assert watch.over


def messages(attempts: int, each: int, size: int = 1) -> list[event_pb2.Event]:
    """A number of messages of each of a number of attempts, in turn."""
    return [
        runs.event(f"top/x[{at}]", 5, 1, log=event_pb2.LogEvent(text=f"{number}".ljust(size, ".")))
        for number in range(each)
        for at in range(attempts)
    ]


@pytest.mark.parametrize("resumes", [False, True])
@pytest.mark.parametrize(("attempts", "size"), [(3, 60_000), (1_200, 1)])
def test_a_watch_gives_the_first_messages_of_each_attempt_however_often_it_goes_on(
    builder: runs.RunBuilder, attempts: int, size: int, resumes: bool
) -> None:
    builder.write(*messages(attempts, 5, size))
    request = qs.WatchEventsRequest(
        filter=attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_LOG], logs_per_attempt=3)
    )
    seen = list[str]()
    longest = 0
    with FolderReader.open(builder.folder.path, live=True) as reader:
        watch = EventWatch(reader, request)
        while (response := watch.poll()) is not None:
            seen += [
                f"{stored.event.path} {stored.event.log.text[0]}"
                for stored in response.events
                if "[" in stored.event.path
            ]
            longest = max(longest, len(response.resume_token))
            if resumes:
                request.resume_token = response.resume_token
                watch = EventWatch(reader, request)
    assert seen == [f"top/x[{at}] {number}" for number in range(3) for at in range(attempts)]
    assert longest < 200


def test_a_group_of_a_dead_run_took_no_less_time_than_its_jobs(tracking: Path) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 2, 3), runs.job("top/good", 0.1), runs.job("top/bad", 0.1))
    builder.write_elsewhere(runs.started("top/good", 1), runs.finished("top/good", 2))
    # While the job ran for an hour, the clock was set back.
    builder.write(runs.result("top/good", 2, wall=3600))
    with FolderReader.open(builder.die(), live=False) as reader:
        root = Queries(reader).get_node(qs.GetNodeRequest()).node
    assert root.usage.wall_nanos == 3600 * runs.SECOND
