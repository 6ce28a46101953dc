"""A new failure of a test in a job that fails anyway is new, from folders and from a hub."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from gator.cli.history.folders import FolderHistory
from gator.query import Queries
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from tests.component.hub.queries.filled import FilledHub
from tests.component.hub.queries.test_causes_of_folders_and_hubs import fill, gator

SPEC = """
!JobGroup
ident: top
causes:
- {name: slow pop, match: 'pop took'}
jobs:
- !Job
  ident: tests
  shell: |
    echo "not ok 1 - push"
    test $STAGE = 2 || echo "not ok 2 - peek"
    test $STAGE -lt 3 || echo "not ok 3 - drain"
    echo "not ok 4 - pop took too long"
    echo "1..4"
    exit 1
"""


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    (folder / "top.yaml").write_text(SPEC)
    for stage in ("1", "2", "3"):
        assert gator("run", "top.yaml", cwd=folder, STAGE=stage).returncode == 1
    return folder


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


def states_of(groups: Sequence[query_pb2.FailureGroup]) -> Mapping[str, tuple[str, int, int]]:
    """State, number of runs and of jobs of each cause, by its test."""
    return {
        group.cause or group.example.first_error.item: (
            query_pb2.CauseState.Name(group.state).removeprefix("CAUSE_STATE_"),
            group.runs,
            group.jobs,
        )
        for group in groups
    }


EXPECTED = {
    "push": ("KNOWN", 3, 1),
    "peek": ("BACK", 2, 1),
    "drain": ("NEW", 1, 1),
    "slow pop": ("KNOWN", 3, 1),
}


def test_a_folder_and_a_hub_agree_on_the_tests_of_one_job(hub: FilledHub, series: Path) -> None:
    fill(hub, series)
    history = FolderHistory(series / "tracking", seconds=30)
    run = history.run("-1")
    assert run is not None
    queries = Queries(HubReader(hub.database, find_run(hub.database, run.id)))
    answer = queries.list_failures(qs.ListFailuresRequest())
    assert (answer.jobs, answer.causes) == (1, 4)
    assert states_of(answer.groups) == EXPECTED
    assert states_of(list(history.sightings(run).values())) == EXPECTED


def test_a_hub_finds_a_test_by_its_signature_without_rules(hub: FilledHub, series: Path) -> None:
    fill(hub, series)
    hub.do(lambda database: database.execute("UPDATE runs SET causes = NULL") and None)
    run = FolderHistory(series / "tracking").run("-1")
    assert run is not None
    queries = Queries(HubReader(hub.database, find_run(hub.database, run.id)))
    states = states_of(queries.list_failures(qs.ListFailuresRequest()).groups)
    assert {name: state for name, (state, _, _) in states.items()} == {
        "push": "KNOWN",
        "peek": "BACK",
        "drain": "NEW",
        "pop took too long": "KNOWN",
    }


def test_failures_lists_the_tests_of_a_job_new_ones_first(series: Path) -> None:
    lines = gator("failures", cwd=series).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  tests:  4 failed: push,"))
    assert [line.split()[0] for line in lines[at + 1 : at + 5]] == ["new", "back", "known", "known"]
    assert lines[at + 1].endswith("not ok 3 - drain")
    assert "slow pop" in lines[at + 3] + lines[at + 4]


def test_only_a_new_test_makes_a_known_job_new(series: Path) -> None:
    shown = gator("failures", "--new", "--causes", cwd=series).stdout
    assert "not ok 3 - drain" in shown
    assert "not ok 1 - push" not in shown
    assert gator("failures", "--new", "-r", "-2", cwd=series).stdout == "no cause is new\n"


def test_the_tests_of_a_job_are_in_json(series: Path) -> None:
    (line,) = gator("failures", "--json", cwd=series).stdout.splitlines()
    tests = json.loads(line)["failed_tests"]
    assert {test["error"]["item"]: test["cause_state"] for test in tests["list"]} == {
        "push": "known",
        "peek": "back",
        "drain": "new",
        "pop took too long": "known",
    }
    assert tests["left_out"] == 0


def test_the_cause_of_a_test_can_be_named(series: Path) -> None:
    shown = gator("failures", "--cause", "slow pop", "--causes", cwd=series).stdout
    assert shown.splitlines()[0].startswith("1 failure, 1 cause")
