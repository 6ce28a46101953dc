"""The same runs, read from their folders and from a hub, give the same answers about causes."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from gator.cli.history.folders import FolderHistory
from gator.query import Queries
from gator.store.run.reader import FolderReader
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from tests.component.hub.queries.filled import FilledHub

SPEC = """
!JobGroup
ident: top
jobs:
- !Job
  ident: stable
  shell: echo "ERROR always"; exit 1
- !Job
  ident: flips
  shell: test $STAGE = 2 || { echo "ERROR sometimes"; exit 1; }
- !Job
  ident: fresh
  shell: test $STAGE -lt 3 || { echo "ERROR lately"; exit 1; }
- !Job
  ident: allowed
  allow_failure: true
  shell: echo "ERROR tolerated"; exit 1
"""


def gator(*args: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gator", *args],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str]]:
    """The folder of three runs with their commits, and what the last one printed at its end."""
    folder = tmp_path_factory.mktemp("series")
    (folder / "top.yaml").write_text(SPEC)
    git = ("git", "-c", "user.name=ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    done = gator("check", "top.yaml", cwd=folder)
    for stage in ("1", "2", "3"):
        (folder / "source").write_text(stage)
        subprocess.run([*git, "add", "source", "top.yaml"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", stage], cwd=folder, check=True)
        done = gator("run", "top.yaml", cwd=folder, STAGE=stage)
        assert done.returncode == 1, done.stderr
    return folder, done.stdout.splitlines()


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


def fill(hub: FilledHub, folder: Path) -> None:
    for run in sorted((folder / "tracking").iterdir()):
        if not run.is_symlink():
            with FolderReader.open(run, live=False) as reader:
                started = reader.run().started_unix_nanos
            hub.import_folder(run, started=started)


def by_job(groups: Sequence[query_pb2.FailureGroup]) -> Mapping[str, query_pb2.FailureGroup]:
    found: dict[str, query_pb2.FailureGroup] = {}
    for group in groups:
        job = group.example.path.rpartition("/")[2]
        group.ClearField("example")
        found[job] = group
    return found


def test_a_folder_and_a_hub_agree_on_new_and_old_causes(
    hub: FilledHub, series: tuple[Path, Sequence[str]]
) -> None:
    folder, _ = series
    fill(hub, folder)
    history = FolderHistory(folder / "tracking", seconds=30)
    run = history.run("-1")
    assert run is not None
    queries = Queries(HubReader(hub.database, find_run(hub.database, run.id)))
    of_hub = by_job(queries.list_failures(qs.ListFailuresRequest()).groups)
    of_folder = by_job(list(history.sightings(run).values()))
    assert of_hub == of_folder
    states = {job: query_pb2.CauseState.Name(group.state) for job, group in of_hub.items()}
    assert states == {
        "stable": "CAUSE_STATE_KNOWN",
        "flips": "CAUSE_STATE_BACK",
        "fresh": "CAUSE_STATE_NEW",
        "allowed": "CAUSE_STATE_KNOWN",
    }


def test_failures_lists_new_causes_first_and_allowed_ones_last(series: tuple[Path, Sequence[str]]) -> None:
    folder, _ = series
    lines = gator("failures", "--causes", cwd=folder).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["new", "back", "known", "known"]
    assert lines[-1].startswith("known allowed")
    failures = [
        line for line in gator("failures", cwd=folder).stdout.splitlines() if line.startswith("failed")
    ]
    assert [line.split()[1] for line in failures] == [
        "top/fresh:",
        "top/flips:",
        "top/stable:",
        "top/allowed",
    ]


def test_the_headline_names_the_run_before_and_the_commits_between(
    series: tuple[Path, Sequence[str]],
) -> None:
    folder, end = series
    commits = subprocess.run(
        ["git", "log", "--format=%H"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.split()
    before = FolderHistory(folder / "tracking").run("-2")
    assert before is not None
    expected = (
        f"3 failures, 3 causes, 1 new, 1 back since run {before.id[:8]}"
        f" (commits {commits[1][:8]}..{commits[0][:8]}); 1 allowed failure"
    )
    assert gator("failures", cwd=folder).stdout.splitlines()[0] == expected
    assert gator("failures", "--causes", cwd=folder).stdout.splitlines()[0] == expected
    assert f"{expected}:" in end


def test_only_new_causes_are_shown_on_request(series: tuple[Path, Sequence[str]]) -> None:
    folder, _ = series
    assert "top/fresh" in (shown := gator("failures", "--new", cwd=folder).stdout)
    assert "top/flips" not in shown
    assert gator("failures", "--new", "-r", "-2", cwd=folder).stdout == "no cause is new\n"
    first = gator("failures", "--new", "-r", "-3", cwd=folder)
    assert "there is no earlier run of this series: every cause is new" in first.stderr
    assert "top/stable" in first.stdout


def test_only_causes_that_came_back_are_shown_on_request(series: tuple[Path, Sequence[str]]) -> None:
    folder, _ = series
    shown = gator("failures", "--back", cwd=folder).stdout
    assert "top/flips" in shown
    assert "top/fresh" not in shown
    both = gator("failures", "--new", "--back", "--causes", cwd=folder).stdout.splitlines()
    assert [line.split()[0] for line in both[1:]] == ["new", "back"]
    assert gator("failures", "--back", "-r", "-3", cwd=folder).stdout == "no cause came back\n"


def test_a_cause_is_one_object_of_json(series: tuple[Path, Sequence[str]]) -> None:
    import json

    folder, _ = series
    lines = gator("failures", "--causes", "--json", cwd=folder).stdout.splitlines()
    causes = [json.loads(line) for line in lines]
    assert [cause["cause_state"] for cause in causes] == ["new", "back", "known", "known"]
    assert [(cause["jobs"], cause["allowed"]) for cause in causes] == [(1, 0), (1, 0), (1, 0), (1, 1)]
    fresh = causes[0]
    assert fresh["good"]["git"]["commit"] != fresh["since"]["git"]["commit"]
    assert fresh["example"]["path"] == "top/fresh"


RULES = """
!JobGroup
ident: top
causes:
- {name: grant timeout, match: 'waiting for grant|no grant', paths: 'pcie/**', ticket: HW-12}
- {name: other grant, match: 'waiting for grant'}
"""
JOBS = """
jobs:
- !JobGroup
  ident: pcie
  jobs:
  - !Job {ident: a, shell: 'echo "ERROR waiting for grant"; exit 1'}
  - !Job {ident: b, shell: 'echo "ERROR there is no grant"; exit 1'}
- !JobGroup
  ident: usb
  jobs:
  - !Job {ident: a, shell: 'echo "ERROR waiting for grant"; exit 1'}
  - !Job {ident: c, shell: 'echo "ERROR crc"; exit 1'}
"""


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two runs. Only the second has rules for causes."""
    folder = tmp_path_factory.mktemp("ruled")
    for text in (f"!JobGroup\nident: top\n{JOBS}", RULES + JOBS):
        (folder / "top.yaml").write_text(text)
        assert gator("run", "top.yaml", cwd=folder).returncode == 1
    return folder


def test_rules_merge_and_split_causes_and_make_none_new(ruled: Path) -> None:
    lines = gator("failures", "--causes", cwd=ruled).stdout.splitlines()
    assert lines[0].startswith("4 failures, 3 causes, 0 new since run ")
    assert [line.split("  ")[0] for line in lines[1:]] == ["known"] * 3
    assert any("grant timeout" in line and "top/pcie/a" in line for line in lines)
    assert any("other grant" in line and "top/usb/a" in line for line in lines)
    before = gator("failures", "--causes", "-r", "-2", cwd=ruled).stdout.splitlines()
    assert before[0].startswith("4 failures, 3 causes")
    assert "grant timeout" not in "".join(before)


def test_the_name_of_a_cause_is_shown_with_its_ticket(ruled: Path) -> None:
    shown = gator("failures", "--cause", "grant timeout", cwd=ruled).stdout
    assert shown.count("cause:  grant timeout (HW-12)") == 2
    assert "cause           grant timeout (HW-12)" in gator("show", "pcie/b", cwd=ruled).stdout
    assert gator("tree", cwd=ruled).stdout.count("[grant timeout (HW-12)]") == 2


def test_a_folder_and_a_hub_agree_on_named_causes(hub: FilledHub, ruled: Path) -> None:
    fill(hub, ruled)
    history = FolderHistory(ruled / "tracking", seconds=30)
    run = history.run("-1")
    assert run is not None
    queries = Queries(HubReader(hub.database, find_run(hub.database, run.id)))
    of_hub = queries.list_failures(qs.ListFailuresRequest()).groups
    named = {group.cause: group.runs for group in of_hub if group.cause}
    assert named == {"grant timeout": 2, "other grant": 2}
    assert by_job(of_hub) == by_job(list(history.sightings(run).values()))
