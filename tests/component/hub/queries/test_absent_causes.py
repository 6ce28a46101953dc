"""A cause is absent only in runs whose jobs ran; reruns do not count as runs. In folders as in a hub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gator.cli.history.folders import FolderHistory
from gator.query import Queries
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from tests.component.hub.queries.filled import FilledHub
from tests.component.hub.queries.test_causes_of_folders_and_hubs import by_job, fill, gator

SPEC = """
!JobGroup
ident: top
jobs:
- !Job
  ident: build
  shell: test $STAGE != broken || { echo "ERROR no rule to make it"; exit 1; }
- !Job
  ident: test
  on_pass: build
  shell: echo "ERROR $BUG"; exit 1
- !Job
  ident: other
  shell: test $STAGE != other || { echo "ERROR other"; exit 1; }
"""


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "top.yaml").write_text(SPEC)
    return tmp_path


def run(folder: Path, bug: str, *options: str, stage: str = "good") -> str:
    done = gator("run", *options, "top.yaml", cwd=folder, BUG=bug, STAGE=stage)
    assert done.returncode == 1, done.stderr
    return done.stdout


def state(hub: FilledHub, folder: Path, job: str = "test") -> dict[str, Any]:
    """State and number of runs of the cause of a job in the newest run, as a folder and a hub say."""
    fill(hub, folder)
    lines = gator("failures", "--json", "-r", "-1", cwd=folder).stdout.splitlines()
    failed = [json.loads(line) for line in lines]
    one = next(one for one in failed if one["path"] == f"top/{job}")
    found = FolderHistory(folder / "tracking", seconds=30).run("-1")
    assert found is not None
    queries = Queries(HubReader(hub.database, find_run(hub.database, found.id)))
    groups = by_job(queries.list_failures(qs.ListFailuresRequest()).groups)
    folders = by_job(list(FolderHistory(folder / "tracking", seconds=30).sightings(found).values()))
    assert groups == folders
    return {"state": one["cause_state"], "runs": one["runs"]}


def test_a_rerun_of_a_new_failure_leaves_it_new(hub: FilledHub, folder: Path) -> None:
    run(folder, "old")
    run(folder, "fresh")
    assert "1 new since run" in run(folder, "fresh", "--only", "@failed")
    assert state(hub, folder) == {"state": "new", "runs": 1}
    assert gator("failures", "--new", cwd=folder).stdout != "no cause is new\n"
    assert gator("failures", "--causes", cwd=folder).stdout.splitlines()[2].startswith("new")


def test_a_rerun_of_a_failure_that_came_back_leaves_it_back(hub: FilledHub, folder: Path) -> None:
    for bug in ("old", "fresh", "old"):
        run(folder, bug)
    run(folder, "old", "--only", "@failed")
    assert state(hub, folder) == {"state": "back", "runs": 2}


def test_a_failure_that_only_a_rerun_has_is_new(hub: FilledHub, folder: Path) -> None:
    run(folder, "old")
    run(folder, "old")
    run(folder, "fresh", "--only", "@failed")
    assert state(hub, folder) == {"state": "new", "runs": 1}


def test_a_broken_build_makes_no_failure_below_it_come_back(hub: FilledHub, folder: Path) -> None:
    run(folder, "old")
    run(folder, "old", stage="broken")
    run(folder, "old")
    assert state(hub, folder) == {"state": "known", "runs": 2}


def test_a_run_that_was_stopped_after_a_failure_makes_none_come_back(hub: FilledHub, folder: Path) -> None:
    run(folder, "old")
    # The failure of `other` stops the run before `test` starts.
    (folder / "top.yaml").write_text(SPEC.replace("on_pass: build", "on_done: other"))
    run(folder, "old", "--max-fail", "1", stage="other")
    (folder / "top.yaml").write_text(SPEC)
    run(folder, "old")
    assert state(hub, folder) == {"state": "known", "runs": 2}


def test_a_failure_is_back_after_a_stopped_run_in_which_its_job_had_passed(
    hub: FilledHub, folder: Path
) -> None:
    run(folder, "old", stage="other")
    run(folder, "old", stage="broken")
    run(folder, "old", stage="other")
    assert state(hub, folder, "other") == {"state": "back", "runs": 2}


def heads(folder: Path) -> list[str]:
    """The first words of `seen:` of each failure of the newest run."""
    lines = gator("failures", "-r", "-1", cwd=folder).stdout.splitlines()
    return [line.removeprefix("  seen:   ") for line in lines if line.startswith("  seen:")]


def run_id(folder: Path) -> str:
    return json.loads(gator("runs", "--json", "-n", "1", cwd=folder).stdout.splitlines()[0])["id"][:8]


def test_a_new_failure_began_after_the_last_run_that_ran_its_job(hub: FilledHub, folder: Path) -> None:
    (folder / "top.yaml").write_text(SPEC.replace('echo "ERROR $BUG"; exit 1', "test -z $BUG"))
    run(folder, "", stage="other")
    good = run_id(folder)
    run(folder, "late", stage="broken")
    summary = run(folder, "late")
    assert f"1 failure, 1 cause, 1 new since run {good}" in summary
    assert heads(folder) == [f"new since run {good}"]
    assert state(hub, folder) == {"state": "new", "runs": 1}


def test_a_new_failure_of_a_job_that_never_ran_names_no_earlier_run(hub: FilledHub, folder: Path) -> None:
    run(folder, "late", stage="broken")
    assert "1 failure, 1 cause, 1 new:" in run(folder, "late")
    assert heads(folder) == ["new: no earlier run ran the job to its end"]
    assert state(hub, folder) == {"state": "new", "runs": 1}
