"""Jobs that passed and failed at one commit with one seed, read from folders and from a hub."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import Gator

SPEC = """
!JobGroup
ident: top
jobs:
- !Job {ident: a, shell: 'echo broken; [ -e tracking/mended ]'}
- !Job {ident: b, shell: 'echo always; exit 2'}
- !Job {ident: r, retries: 1, shell: '[ -e tracking/tried ] || { touch tracking/tried; exit 1; }'}
"""


def git(folder: Path, *args: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *args]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def again(gator: Gator, hub: RealHub) -> RealHub:
    """Three runs at one commit, the second a rerun in which a job passed."""
    hub.start()
    gator.spec(SPEC)
    (gator.root / ".gitignore").write_text("*\n!spec.yaml\n")
    git(gator.root, "init", "-q")
    git(gator.root, "add", "spec.yaml")
    git(gator.root, "commit", "-qm", "one")

    def run(code: int, *options: str) -> None:
        hub.command("run", "spec.yaml", "--seed", "3", "--hub-wait", "60s", *options).wait().expect(code)

    run(1)
    (gator.root / "tracking" / "mended").touch()
    run(0, "--only", "a", "--repeat", "top")
    (gator.root / "tracking" / "mended").unlink()
    run(1)
    return hub


def ask(gator: Gator, hub: RealHub, source: str, *args: str) -> str:
    if source == "folder":
        return gator(*args).expect(0).out
    (gator.root / "tracking").rename(gator.root / "elsewhere")
    try:
        return hub.command(*args).wait().expect(0).out
    finally:
        (gator.root / "elsewhere").rename(gator.root / "tracking")


@pytest.mark.parametrize("source", ["folder", "hub"])
def test_flaky_jobs_are_marked(gator: Gator, again: RealHub, source: str) -> None:
    which = ["-r", "hub:top"] if source == "hub" else []
    lines = ask(gator, again, source, "failures", "--json", *which).splitlines()
    found: dict[str, Any] = {values["path"]: values for values in map(json.loads, lines)}
    assert found["top/b"]["flaky"] is None
    flaky = found["top/a"]["flaky"]
    assert (flaky["failed"], flaky["retried"], flaky["runs"]) == (2, 0, 3)
    assert found["top/a"]["cause_state"] == "back"
    said = ask(gator, again, source, "failures", *which)
    assert said.count("flaky:  failed in 2 of 3 runs at commit ") == 1
    where = ["--hub", again.address] if source == "hub" else []
    assert "flaky: failed in 2 of 3 runs at commit" in ask(gator, again, source, "trend", "top/a", *where)
    trend = ask(gator, again, source, "trend", "top/r", *where)
    assert "flaky: failed in 1 of 2 runs at commit" in trend
    assert "in 1 of them before a retry" in trend
    assert "50.0 %" not in trend, "a flaky job is one job"
    assert json.loads(ask(gator, again, source, "trend", "top/b", "--json", *where))["flaky"] is None


@pytest.mark.parametrize("source", ["folder", "hub"])
def test_a_comparison_marks_flaky_jobs(gator: Gator, again: RealHub, source: str) -> None:
    (gator.root / "tracking" / "mended").touch()
    again.command("run", "spec.yaml", "--seed", "3", "--hub-wait", "60s").wait().expect(1)
    runs = ["hub:-2", "hub:-1"] if source == "hub" else []
    said = ask(gator, again, source, "diff", *runs)
    assert "flaky: failed in 2 of 4 runs at commit" in said
    fixed = [json.loads(line) for line in ask(gator, again, source, "diff", "--json", *runs).splitlines()]
    assert {one["path"]: one["flaky"] is not None for one in fixed} == {"a": True, "b": False, "r": False}


def test_a_job_that_passed_in_a_rerun_at_its_commit_is_named(gator: Gator, again: RealHub) -> None:
    (gator.root / "tracking" / "mended").touch()
    again.command("run", "spec.yaml", "--only", "a", "--repeat", "top", "--hub-wait", "60s").wait().expect(0)
    assert "flaky: 1 job failed and then passed at " in gator("failures").expect(0).out
