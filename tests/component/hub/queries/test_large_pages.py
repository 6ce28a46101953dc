"""Pages of what has much to say: fewer entries each, and all of them in the end. On both databases."""

from collections.abc import Iterator

import pytest

from gator.query import Queries
from gator.v1 import attach_pb2, common_pb2, event_pb2, hub_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.compare import Comparisons
from gator_hub.queries.history import History
from gator_hub.queries.reader import HubReader
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.query import runs

MAX_BYTES = 3 * 1024 * 1024
METRICS = [event_pb2.MetricTotal(name=f"{number:0>120}", value=number) for number in range(100)]


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


def add(hub: FilledHub, number: int, jobs: int, outcome: common_pb2.Outcome.ValueType) -> int:
    """A run with a number of jobs that have many metrics each."""
    run = hub.register(described(f"{number:032x}", started=number), f"store-{number}")
    events = [runs.group("top", 0, jobs, jobs)]
    for job in range(jobs):
        events += [
            runs.job(f"top/x[{job}]", 1),
            runs.result(f"top/x[{job}]", 2, outcome, metrics=METRICS),
        ]
    hub.append(run, "top", f"store-{number}", *events)
    return run


def test_metrics_of_many_nodes_come_in_pages_of_bounded_size(hub: FilledHub) -> None:
    queries = Queries(HubReader(hub.database, add(hub, 1, 250, common_pb2.OUTCOME_PASSED)))
    request, paths, pages = qs.ListMetricsRequest(), list[str](), 0
    while True:
        page = queries.list_metrics(request)
        assert page.ByteSize() < MAX_BYTES
        paths += [node.path for node in page.nodes]
        pages += 1
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert sorted(paths) == sorted(f"top/x[{job}]" for job in range(250))
    assert pages > 1
    request.page_size = 7
    assert len(queries.list_metrics(request).nodes) <= 7


def test_comparisons_of_much_come_in_pages_of_bounded_size(hub: FilledHub) -> None:
    before = add(hub, 1, 250, common_pb2.OUTCOME_PASSED)
    after = add(hub, 2, 250, common_pb2.OUTCOME_FAILED)
    comparisons, at, found = Comparisons(hub.database), None, list[hub_pb2.Difference]()
    pages = 0
    while True:
        page = comparisons.page(before, after, (), at, 1000)
        assert sum(one.ByteSize() for one in page.differences) < 2 * MAX_BYTES
        found += page.differences
        pages += 1
        at = page.next
        if at is None:
            break
    assert sorted(one.path for one in found) == sorted(f"x[{job}]" for job in range(250))
    assert pages > 1


def test_a_history_of_much_comes_in_pages_of_bounded_size(hub: FilledHub) -> None:
    for number in range(1, 131):
        add(hub, number, 1, common_pb2.OUTCOME_PASSED)
    history, after, found, pages = History(hub.database, "top", "x[0]"), None, list[str](), 0
    while True:
        entries, after = history.entries(after, 1000)
        assert sum(entry.ByteSize() for entry in entries) < MAX_BYTES
        found += [entry.run.run for entry in entries]
        pages += 1
        if after is None:
            break
    assert found == [f"{number:032x}" for number in range(130, 0, -1)]
    assert pages > 1


def test_events_of_much_come_in_pages_of_bounded_size(hub: FilledHub) -> None:
    run = hub.register(described("1" * 32), "store")
    hub.append(run, "top", "store", *(runs.block("top", 1, b"x" * 400_000) for _ in range(9)))
    queries, found = Queries(HubReader(hub.database, run)), list[query_pb2.StoredEvent]()
    request = qs.ListEventsRequest(kinds=[attach_pb2.EVENT_KIND_BLOCK])
    while True:
        page = queries.list_events(request)
        assert page.ByteSize() < MAX_BYTES
        found += page.events
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert [one.event.seq for one in found] == list(range(1, 10))
