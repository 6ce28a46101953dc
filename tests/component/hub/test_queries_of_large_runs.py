"""What a query costs follows from what is shown, however large the run is."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gator.store.catalogue_reader import CatalogueReader
from gator.v1 import event_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.database import Database
from tests.component.query import runs

from .filled import FilledHub, described


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

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        self.statements.append(sql)
        return self._database.query(sql, values)


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
