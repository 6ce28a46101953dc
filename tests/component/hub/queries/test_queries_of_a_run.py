"""A run in the hub is answered about as its folder is."""

from collections.abc import Iterator

import pytest

from gator.errors import NotFoundError
from gator.event_kinds import GRADED_KINDS
from gator.query import Queries
from gator.query.watch import EventWatch, RunWatch
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.ingest.stores import Lane
from gator_hub.queries.reader import HubReader
from tests.component.hub.postgres import PostgresServer
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.query import runs


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Queries, Queries]]:
    """The answers of the hub and of the folder about one run that has ended. Nothing changes them."""
    folder = runs.ended_run(tmp_path_factory.mktemp("run") / "tracking")
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database()
    else:
        url = f"sqlite:{tmp_path_factory.mktemp('hub') / 'hub.db'}"
    hub = FilledHub(url)
    try:
        number = hub.import_folder(folder)
        with FolderReader.open(folder, live=False) as reader:
            yield Queries(HubReader(hub.database, number)), Queries(reader)
    finally:
        hub.close()


SCOPES = [qs.SCOPE_NODE, qs.SCOPE_CHILDREN, qs.SCOPE_SUBTREE]
ORDERS = [qs.NODE_ORDER_DECLARED, qs.NODE_ORDER_SPEC, qs.NODE_ORDER_STARTED, qs.NODE_ORDER_DURATION]


def test_the_run_is_told_as_its_folder_tells_it(both: tuple[Queries, Queries]) -> None:
    hub, folder = (queries.get_run(qs.GetRunRequest()).run for queries in both)
    assert hub.last_seen_unix_nanos > 0
    assert not hub.connected
    # Only a hub has owners.
    assert hub.owner
    hub.ClearField("owner")
    hub.last_seen_unix_nanos = 0
    hub.started_unix_nanos = folder.started_unix_nanos
    assert hub == folder


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path", ["", "top/bad"])
def test_nodes_are_the_same_in_every_order(
    both: tuple[Queries, Queries], scope: qs.Scope.ValueType, order: qs.NodeOrder.ValueType, path: str
) -> None:
    request = qs.ListNodesRequest(path=path, scope=scope, order=order)
    hub, folder = (queries.list_nodes(request).nodes for queries in both)
    assert list(hub) == list(folder)


@pytest.mark.parametrize(
    "request_",
    [
        qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, outcomes=[common_pb2.OUTCOME_FAILED]),
        qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, kinds=[common_pb2.NODE_KIND_JOB]),
        qs.ListNodesRequest(states=[query_pb2.NODE_STATE_RUNNING]),
        qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, globs=["**/g*"]),
    ],
)
def test_nodes_are_filtered_the_same(both: tuple[Queries, Queries], request_: qs.ListNodesRequest) -> None:
    hub, folder = (queries.list_nodes(request_).nodes for queries in both)
    assert list(hub) == list(folder)


def test_nodes_come_in_pages(both: tuple[Queries, Queries]) -> None:
    request = qs.ListNodesRequest(scope=qs.SCOPE_SUBTREE, page_size=1)
    paths: list[str] = []
    while True:
        page = both[0].list_nodes(request)
        paths += [node.path for node in page.nodes]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert paths == ["top", "top/good", "top/bad", "top/last"]


@pytest.mark.parametrize("path", ["", "top/good", "top/bad", "top/last"])
def test_a_node_is_told_with_its_attempts_and_description(both: tuple[Queries, Queries], path: str) -> None:
    hub, folder = (queries.get_node(qs.GetNodeRequest(path=path)) for queries in both)
    assert hub == folder


@pytest.mark.parametrize(
    "request_",
    [
        qs.ListEventsRequest(),
        qs.ListEventsRequest(path="top/good", scope=qs.SCOPE_NODE),
        qs.ListEventsRequest(path="top/bad", kinds=[attach_pb2.EVENT_KIND_BLOCK]),
        qs.ListEventsRequest(severity=common_pb2.SEVERITY_ERROR),
        qs.ListEventsRequest(kinds=GRADED_KINDS, severity=common_pb2.SEVERITY_ERROR),
        qs.ListEventsRequest(path="top/bad", kinds=GRADED_KINDS, severity=common_pb2.SEVERITY_WARNING),
        qs.ListEventsRequest(attempt=1),
        qs.ListEventsRequest(path="top/good", attempt=1, kinds=[attach_pb2.EVENT_KIND_LOG]),
        qs.ListEventsRequest(path="top/nothing"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_are_the_same(
    both: tuple[Queries, Queries], request_: qs.ListEventsRequest, size: int
) -> None:
    paged = qs.ListEventsRequest(page_size=size)
    paged.MergeFrom(request_)
    found: list[query_pb2.StoredEvent] = []
    while True:
        page = both[0].list_events(paged)
        found += page.events
        if not page.next_page_token:
            break
        paged.page_token = page.next_page_token
    assert found == list(both[1].list_events(request_).events)


@pytest.mark.parametrize(
    "request_",
    [
        qs.ListLinesRequest(),
        qs.ListLinesRequest(messages=True),
        qs.ListLinesRequest(regex="o$", context=1),
        qs.ListLinesRequest(severity=common_pb2.SEVERITY_WARNING, messages=True),
        qs.ListLinesRequest(path="top/bad", stream=runs.OUT, tail=1),
        qs.ListLinesRequest(path="top/good", first_line=2, last_line=2),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_lines_are_the_same(both: tuple[Queries, Queries], request_: qs.ListLinesRequest, size: int) -> None:
    paged = qs.ListLinesRequest(page_size=size)
    paged.MergeFrom(request_)
    found: list[query_pb2.Line] = []
    while True:
        page = both[0].list_lines(paged)
        found += page.lines
        if not page.next_page_token:
            break
        paged.page_token = page.next_page_token
    assert found == list(both[1].list_lines(request_).lines)


def test_metrics_and_samples_are_the_same(both: tuple[Queries, Queries]) -> None:
    hub, folder = (queries.list_metrics(qs.ListMetricsRequest()) for queries in both)
    assert hub == folder
    assert len(hub.nodes) == 2
    points = qs.ListSamplesRequest(path="top/good", points=1)
    assert both[0].list_samples(points) == both[1].list_samples(points)


def test_a_wrong_node_or_run_is_not_found(both: tuple[Queries, Queries]) -> None:
    with pytest.raises(NotFoundError):
        both[0].get_node(qs.GetNodeRequest(path="top/nothing"))
    with pytest.raises(NotFoundError):
        both[0].get_run(qs.GetRunRequest(run="f" * 32))


# -- live runs


@pytest.fixture
def live(hub: FilledHub) -> int:
    """A connected run: one job passed, one runs, one was not handed out."""
    number = hub.register(described(runs.RUN_ID), "root")
    hub.append(number, "top", "root", runs.group("top", 0, 3, 3), runs.job("top/a", 1), runs.job("top/b", 1))
    hub.append(number, "top", "daemon", runs.started("top/a", 2), runs.finished("top/a", 3))
    hub.append(number, "top", "daemon", runs.started("top/b", 2), runs.block("top/b", 3, b"hello\n"))
    hub.append(number, "top", "root", runs.result("top/a", 3))
    return number


def test_a_live_run_counts_its_jobs(hub: FilledHub, live: int) -> None:
    reader = HubReader(hub.database, live)
    run = reader.run()
    assert run.state == query_pb2.RUN_STATE_RUNNING
    assert run.tally == event_pb2.Tally(waiting=1, running=1, passed=1)
    assert reader.job_counts() == {"top/a": (1, 1), "top/b": (1, 0)}
    assert [path for path, _ in reader.demands()] == ["top/b"]
    hub.detach(live)
    assert reader.run().state == query_pb2.RUN_STATE_UNSPECIFIED


def test_jobs_are_counted_again_only_after_a_change_and_a_rest(hub: FilledHub, live: int) -> None:
    now = [0.0]
    ticks = iter(range(1000))

    def monotonic() -> float:
        next(ticks)
        return now[0]

    reader = HubReader(hub.database, live, monotonic=monotonic)
    assert reader.run().tally.passed == 1
    hub.append(live, "top", "root", runs.result("top/b", 4))
    now[0] += 1
    assert reader.run().tally.passed == 2


def test_groups_that_go_on_count_the_jobs_below_them(hub: FilledHub) -> None:
    number = hub.register(described(runs.RUN_ID), "root")
    groups = [f"top/g[{index}]" for index in range(12)]
    hub.append(number, "top", "root", runs.group("top", 0, 12, 36))
    for path in groups:
        hub.append(number, "top", "root", runs.group(path, 1, 3, 3), runs.job(f"{path}/a", 2))
        hub.append(number, "top", "root", runs.job(f"{path}/b", 2), runs.result(f"{path}/b", 3))
    nodes = Queries(HubReader(hub.database, number)).list_nodes(qs.ListNodesRequest()).nodes
    assert [node.path for node in nodes] == groups
    assert {node.tally.SerializeToString() for node in nodes} == {
        event_pb2.Tally(waiting=1, running=1, passed=1).SerializeToString()
    }


def test_a_watch_of_a_run_speaks_only_when_something_changed(hub: FilledHub, live: int) -> None:
    reader = HubReader(hub.database, live, monotonic=iter(range(1000)).__next__)
    watch = RunWatch(reader, qs.WatchRunRequest(longest=3))
    first = watch.poll()
    assert first is not None
    assert [node.path for node in first.longest] == ["top/b"]
    hub.do(lambda database: database.execute("UPDATE runs SET last_seen_unix_nanos = 5"))
    assert watch.poll() is None
    hub.detach(live)
    gone = watch.poll()
    assert gone is not None
    assert not watch.over, "it may come back"


def test_a_watch_of_events_misses_none_of_a_slower_lane(hub: FilledHub) -> None:
    number = hub.register(described(runs.RUN_ID), "root")
    events = [
        runs.group("top", 0, 1, 1),
        runs.job("top/a", 1),
        runs.started("top/a", 2),
        runs.block("top/a", 3, b"hello\n"),
        runs.finished("top/a", 4),
        runs.result("top/a", 5),
        runs.result("top", 5),
    ]
    for seq, event in enumerate(events, 1):
        event.seq = seq
    hub.put(number, "top", "root", events, [Lane.STATES])
    reader = HubReader(hub.database, number)
    results = EventWatch(
        reader, qs.WatchEventsRequest(filter=attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_RESULT]))
    )
    watch = EventWatch(reader, qs.WatchEventsRequest())
    seen = results.poll()
    assert seen is not None
    assert [stored.event.path for stored in seen.events] == ["top/a", "top"]
    assert watch.poll() is None
    assert not watch.over, "output may still come while it is connected"
    hub.put(number, "top", "root", events, [Lane.BULK])
    whole = watch.poll()
    assert whole is not None
    assert [stored.event.seq for stored in whole.events] == [1, 2, 3, 4, 5, 6, 7]
    hub.detach(number)
    assert watch.poll() is None
    assert watch.over


def test_a_watch_gives_the_first_messages_of_each_attempt_also_when_it_goes_on(hub: FilledHub) -> None:
    number = hub.register(described(runs.RUN_ID), "root")
    events = [
        runs.event(f"top/{job}", 1, attempt, log=event_pb2.LogEvent(text=f"{text}"))
        for text in range(4)
        for job in ("a", "b")
        for attempt in (1, 2)
    ]
    hub.append(number, "top", "root", *events[:10])
    reader = HubReader(hub.database, number)
    request = qs.WatchEventsRequest(filter=attach_pb2.EventFilter(logs_per_attempt=3))
    first = EventWatch(reader, request).poll()
    assert first is not None
    hub.append(number, "top", "root", *events[10:])
    request.resume_token = first.resume_token
    second = EventWatch(reader, request).poll()
    assert second is not None
    assert [len(first.events), len(second.events)] == [10, 2]
    assert [stored.event.log.text for stored in second.events] == ["2", "2"]


def test_many_events_are_looked_through_in_bounded_pieces(hub: FilledHub, live: int) -> None:
    many = [
        runs.event("top/b", 5, 1, log=event_pb2.LogEvent(severity=common_pb2.SEVERITY_INFO, text="x"))
        for _ in range(12_000)
    ]
    worst = runs.event("top/b", 6, 1, log=event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="y"))
    hub.append(live, "top", "daemon", *many, worst)
    reader = HubReader(hub.database, live)
    kinds = [attach_pb2.EVENT_KIND_LOG]
    events, through = reader.events("daemon", 0, 10, kinds=kinds, severity=common_pb2.SEVERITY_ERROR)
    assert (list(events), through) == ([], 5_000)
    events, _ = reader.events("daemon", 10_000, 10, kinds=kinds, severity=common_pb2.SEVERITY_ERROR)
    assert [event.log.text for event in events] == ["y"]
    # Of one attempt the index knows at once.
    events, _ = reader.events("daemon", 0, 10, path="top/b", kinds=kinds, severity=common_pb2.SEVERITY_ERROR)
    assert [event.log.text for event in events] == ["y"]
