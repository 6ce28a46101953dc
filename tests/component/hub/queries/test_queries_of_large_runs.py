"""What a query costs follows from what is shown, however large the run is."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gator.core.pages import PageKey
from gator.store.catalogue.reader import CatalogueReader
from gator.v1 import common_pb2, event_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.database.database import Database
from gator_hub.database.dialect import Dialect
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.query import runs


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


class Asked:
    """A database that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[str] = []
        self.values: list[Sequence[object]] = []

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        self.statements.append(sql)
        self.values.append(values)
        return self._database.query(sql, values)

    def plan(self, at: int) -> str:
        """How the database goes about a statement."""
        explain = "EXPLAIN QUERY PLAN " if self._database.dialect is Dialect.SQLITE else "EXPLAIN ANALYZE "
        rows = self._database.query(explain + self.statements[at], self.values[at])
        return "\n".join(str(row[-1]) for row in rows)


def test_the_groups_of_a_page_that_go_on_are_counted_by_one_statement(hub: FilledHub) -> None:
    number = hub.register(described(runs.RUN_ID), "root")
    groups = [f"top/g[{index}]" for index in range(30)]
    events = [runs.group("top", 0, 30, 60)]
    for path in groups:
        events += [runs.group(path, 1, 2, 2), runs.job(f"{path}/a", 2), runs.result(f"{path}/a", 3)]
    hub.append(number, "top", "root", *events)
    asked = Asked(hub.database)
    reader = CatalogueReader(asked.query, number)
    nodes = [node for _, node in reader.nodes(qs.ListNodesRequest(path="top"), None, 100).nodes]
    assert [node.path for node in nodes] == groups
    assert [node.tally for node in nodes] == [event_pb2.Tally(waiting=1, passed=1)] * 30
    # Their places, their rows, their jobs.
    assert len(asked.statements) == 3


def test_a_run_by_duration_is_in_order_whatever_goes_on(hub: FilledHub) -> None:
    now = runs.START + 100 * runs.SECOND
    number = hub.register(described(runs.RUN_ID), "root")
    events = [runs.group("top", 0, 6, 6)]
    events += [runs.job(f"top/{name}", 0) for name in ("short", "long", "going", "waiting", "pruned", "also")]
    hub.append(number, "top", "root", *events)
    # The clock was set meanwhile, so that differences of wall times mean nothing.
    spans = {"short": (1, 99, 1), "long": (90, 2, 98), "going": (40, None, None), "also": (2, 3, 1.5)}
    for name, (start, end, wall) in spans.items():
        hub.append(number, "top", "daemon", runs.started(f"top/{name}", start))
        if end is not None:
            hub.append(number, "top", "root", runs.result(f"top/{name}", end, wall=wall))
    hub.append(number, "top", "root", runs.result("top/pruned", 50, common_pb2.OUTCOME_PRUNED, wall=0))
    reader = CatalogueReader(hub.database.query, number)
    wanted = qs.ListNodesRequest(path="top", scope=qs.SCOPE_SUBTREE, order=qs.NODE_ORDER_DURATION)
    found: list[str] = []
    # A place says for which moment the durations are.
    after: PageKey | None = [-(1 << 62), "", now]
    while after is not None:
        page = reader.nodes(wanted, after, 2)
        found += [node.path for _, node in page.nodes]
        after = page.next
    assert found == [
        "top",
        "top/long",
        "top/going",
        "top/also",
        "top/short",
        "top/pruned",
        "top/waiting",
    ]


def test_a_run_by_duration_walks_the_index_of_durations(hub: FilledHub) -> None:
    number = hub.register(described(runs.RUN_ID), "root")
    events = [runs.group("top", 0, 200, 200)]
    for index in range(200):
        events += [runs.job(f"top/j[{index}]", 0), runs.result(f"top/j[{index}]", 1)]
    hub.append(number, "top", "root", *events)
    hub.do(lambda database: database.execute("ANALYZE"))
    asked = Asked(hub.database)
    wanted = qs.ListNodesRequest(path="top", scope=qs.SCOPE_SUBTREE, order=qs.NODE_ORDER_DURATION)
    page = CatalogueReader(asked.query, number).nodes(wanted, None, 2)
    assert [node.path for _, node in page.nodes] == ["top/j[0]", "top/j[1]"]
    assert "nodes_by_duration" in asked.plan(0)


def test_sqlite_takes_the_right_indexes_without_having_counted(sqlite_url: str) -> None:
    hub = FilledHub(sqlite_url)
    try:
        asked = Asked(hub.database)
        CatalogueReader(asked.query, 1).nodes(qs.ListNodesRequest(path="top"), None, 2)
        assert "nodes_by_parent" in asked.plan(0)
        asked.query(
            "SELECT id FROM subjects WHERE run = ? AND (path = ? OR (path > ? AND path < ?)) LIMIT ?",
            (1, "top/a", "top/a/", "top/a0", 2),
        )
        assert "run=? AND path=?" in asked.plan(1)
    finally:
        hub.close()


def test_a_run_that_postgres_has_not_counted_yet_is_not_walked_for_each_node_of_a_page(
    postgres_url: str,
) -> None:
    hub = FilledHub(postgres_url)
    try:
        for number in (1, 2):
            row = hub.register(described(f"{number:032x}"), f"root-{number}")
            events = [runs.group("top", 0, 1000, 1000)]
            for index in range(1000):
                events += [runs.job(f"top/j[{index}]", 0), runs.started(f"top/j[{index}]", 1)]
            hub.append(row, "top", f"root-{number}", *events)
            if number == 1:
                hub.database.execute("ANALYZE")
        asked = Asked(hub.database)
        reader = CatalogueReader(asked.query, 2)
        paths = [f"top/j[{index}]" for index in range(100)]
        assert [node.path for node in reader.by_paths(paths)] == paths
        assert "Rows Removed by Join Filter" not in asked.plan(0), "it compares each with each"
    finally:
        hub.close()
