"""What a run starts from, as git tells it."""

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from gator.git import GitQuestion, state_in
from gator.store.run.description import read_git, write_git
from gator.v1 import query_pb2

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def git(folder: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_branch_and_changes_of_a_working_tree_are_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "known").write_text("one")
    git(tmp_path, "add", "known")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "unknown").write_text("does not count")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert GitQuestion(str(tmp_path), ENV).answer() == query_pb2.Git(commit=commit, branch="trunk")
    (tmp_path / "known").write_text("two")
    git(tmp_path, "checkout", "-q", "--detach")
    assert GitQuestion(str(tmp_path), ENV).answer() == query_pb2.Git(commit=commit, dirty=True)


def test_a_branch_may_be_called_almost_anything() -> None:
    text = "# branch.oid 12ab\n# branch.head x(detached)y\n"
    assert state_in(text) == query_pb2.Git(commit="12ab", branch="x(detached)y")


def test_nothing_is_told_outside_of_a_working_tree_or_before_the_first_commit(tmp_path: Path) -> None:
    outside = {**ENV, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    assert GitQuestion(str(tmp_path), outside).answer() is None
    git(tmp_path, "init", "-q")
    assert GitQuestion(str(tmp_path), ENV).answer() is None


def test_without_git_nothing_is_told(tmp_path: Path) -> None:
    assert GitQuestion(str(tmp_path), {"PATH": str(tmp_path)}).answer() is None


def test_a_git_that_hangs_is_given_up_after_a_second(tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    began = time.monotonic()
    assert GitQuestion(str(tmp_path), {"PATH": f"{tmp_path}:{os.environ['PATH']}"}).answer() is None
    assert time.monotonic() - began < 5


def test_the_state_is_kept_beside_the_stores(tmp_path: Path) -> None:
    state = query_pb2.Git(commit="c" * 40, branch="b", dirty=True)
    assert read_git(tmp_path) is None
    write_git(tmp_path, state)
    assert read_git(tmp_path) == state
    (tmp_path / "git.json").write_text("half of it {")
    assert read_git(tmp_path) is None


@pytest.mark.parametrize("text", ["", "# branch.oid (initial)\n# branch.head main\n", "rubbish\n"])
def test_an_answer_without_a_commit_is_none(text: str) -> None:
    assert state_in(text) is None
