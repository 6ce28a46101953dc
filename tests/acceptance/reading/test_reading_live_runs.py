"""The commands that read a run, as a user types them, on live and on ended runs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LIMIT_SECONDS = 40

SPEC = """
!JobGroup
  ident: top
  jobs:
  - !Job
      ident: quick
      command: echo
      args: [hello]
  - !Job
      ident: slow
      env: {MY_TOKEN: very-hidden}
      shell: |
        echo begun
        until [ -e go ]; do sleep 0.05; done
        echo ended
  - !Job
      ident: after
      on_pass: [slow]
      command: echo
      args: [bye]
"""


class User:
    """A user at a terminal in their own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def types(self, *args: str, code: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "gator", *args],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout if not code else done.stdout + done.stderr

    def begins(self, *args: str) -> "subprocess.Popen[str]":
        """A running command."""
        return subprocess.Popen(
            [sys.executable, "-m", "gator", *args],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def user(tmp_path: Path) -> User:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return User(tmp_path)


@contextmanager
def live_run(user: User) -> Generator["subprocess.Popen[str]"]:
    """A run that is live until the file `go` appears or it is stopped."""
    process = user.begins("run", "spec.yaml", "-j", "2")
    try:
        yield process
    finally:
        (user.folder / "go").touch()
        printed = process.communicate(timeout=LIMIT_SECONDS)
        # Shown with a failed test.
        sys.stdout.write("".join(printed))


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once that is true; a look starts a process, so there is no need to pause."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
    raise AssertionError("it did not come about in time")


def is_running(user: User) -> Any:
    """The status of the run once the slow job runs and the quick one has ended."""
    if not (user.folder / "tracking" / "latest" / "stores" / "root.db").exists():
        return None
    done = subprocess.run(
        [sys.executable, "-m", "gator", "status", "--json"],
        cwd=user.folder,
        env=user.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        sys.stdout.write(done.stderr)
        return None
    status = json.loads(done.stdout)
    ready = [node["path"] for node in status["running"]] == ["top/slow"]
    return status if ready and status["node"]["tally"]["passed"] == 1 else None


def test_a_live_run_says_what_runs_and_what_waits_for_what(user: User) -> None:
    with live_run(user):
        status = until(lambda: is_running(user))
        assert [(entry["path"], entry["awaited"][0]["path"]) for entry in status["waiting"]] == [
            ("top/after", "top/slow")
        ]
        assert "for top/slow to pass (1 job left)" in user.types("status")
        assert "running" in user.types("tree")
        assert user.types("logs", "quick") == "hello\n"
        assert "running" in user.types("runs")
    assert "passed" in user.types("status")
    assert user.types("logs", "top", "--raw").count("\n") == 4


def test_following_a_job_goes_on_to_its_end(user: User) -> None:
    with live_run(user):
        until(lambda: is_running(user))
        follower = user.begins("logs", "-f", "slow")
        assert follower.stdout is not None
        assert follower.stdout.readline() == "begun\n"
        (user.folder / "go").touch()
        rest, errors = follower.communicate(timeout=LIMIT_SECONDS)
    assert (rest, errors) == ("ended\n", "")


def test_following_a_group_goes_on_to_the_jobs_that_start_later(user: User) -> None:
    with live_run(user):
        until(lambda: is_running(user))
        follower = user.begins("logs", "-f", "top")
        assert follower.stdout is not None
        begun = [follower.stdout.readline() for _ in range(5)]
        assert begun == ["==> top/quick <==\n", "hello\n", "\n", "==> top/slow <==\n", "begun\n"]
        (user.folder / "go").touch()
        rest, errors = follower.communicate(timeout=LIMIT_SECONDS)
    assert (rest, errors) == ("ended\n\n==> top/after <==\nbye\n", "")


def test_following_ends_when_the_run_is_killed(user: User) -> None:
    with live_run(user) as process:
        until(lambda: is_running(user))
        follower = user.begins("logs", "-f", "slow")
        assert follower.stdout is not None
        assert follower.stdout.readline() == "begun\n"
        process.kill()
        assert follower.communicate(timeout=LIMIT_SECONDS) == ("", "")


def test_stopping_a_job_ends_it_and_what_waits_for_it(user: User) -> None:
    with live_run(user) as process:
        until(lambda: is_running(user))
        assert "stopping top/slow: " in user.types("stop", "slow")
        process.wait(LIMIT_SECONDS)
        assert process.returncode == 1
    tree = user.types("tree")
    assert "slow  cancelled" in tree
    assert "after  pruned" in tree


def test_what_waits_can_be_stopped_by_the_end_of_its_path(user: User) -> None:
    with live_run(user) as process:
        until(lambda: is_running(user))
        assert user.types("stop", "after") == "stopping top/after: 1 job had not ended\n"
        assert "there is no node 'nothing'" in user.types("stop", "nothing", code=2)
        (user.folder / "go").touch()
        process.wait(LIMIT_SECONDS)
    assert "after  cancelled" in user.types("tree")


def test_stopping_a_run_ends_it_with_results(user: User) -> None:
    with live_run(user) as process:
        until(lambda: is_running(user))
        user.types("stop", "--now")
        process.wait(LIMIT_SECONDS)
    status = json.loads(user.types("status", "--json"))
    assert status["node"]["outcome"] == "cancelled"
    assert status["run"]["state"] == "ended"
    assert "nothing to stop: the run in" in user.types("stop", code=2)


def test_secrets_are_shown_nowhere(user: User) -> None:
    (user.folder / "go").touch()
    user.types("run", "spec.yaml")
    for command in (["show", "slow"], ["show", "slow", "--json"], ["show"]):
        assert "very-hidden" not in user.types(*command)


def test_a_spec_is_checked_planned_and_described(user: User) -> None:
    assert user.types("check", "spec.yaml") == "spec.yaml: fine\n"
    assert "after slow passed" in user.types("plan", "spec.yaml")
    assert user.types("plan", "--format", "mermaid", "spec.yaml").startswith("flowchart")
    assert json.loads(user.types("plan", "--json", "spec.yaml"))["jobs"] == 3
    assert json.loads(user.types("schema"))["$schema"]
    (user.folder / "bad.yaml").write_text(
        "!JobGroup\n  jobs:\n  - !Job\n      comand: x\n  - !Job\n      nope: 1\n"
    )
    printed = user.types("check", "bad.yaml", code=2)
    assert "bad.yaml:4:7:" in printed
    assert "bad.yaml:6:7:" in printed
    problems = [json.loads(line) for line in user.types("check", "--json", "bad.yaml", code=2).splitlines()]
    assert {problem["line"] for problem in problems} >= {4, 6}
