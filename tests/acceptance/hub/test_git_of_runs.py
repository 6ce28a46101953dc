"""What a run starts from is known afterwards, with or without a hub, and never holds it up."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gator.store.run.description import GIT_FILE
from tests.acceptance.support import Gator

ONE = "!Job {ident: top, command: echo, args: [hi]}\n"
WRONG = "!Job {ident: top, command: echo, arg: [hi]}\n"
TREE = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: echo, args: [hi]}]}\n"


def _git(folder: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("text", [ONE, TREE])
def test_the_commit_of_a_run_without_a_hub_is_kept_and_shown(gator: Gator, text: str) -> None:
    spec = gator.spec(text)
    _git(gator.root, "init", "-q", "-b", "trunk")
    _git(gator.root, "add", spec)
    _git(gator.root, "commit", "-q", "-m", "one")
    commit = _git(gator.root, "rev-parse", "HEAD")
    gator("run", spec).expect(0)
    assert json.loads((gator.folder / GIT_FILE).read_text()) == {
        "commit": commit,
        "branch": "trunk",
        "dirty": False,
    }
    assert f"commit {commit[:8]} on trunk" in gator("runs").expect(0).out


def _instead_of_git(gator: Gator, script: str) -> dict[str, str]:
    place = gator.root / "bin"
    place.mkdir()
    (place / "git").write_text(f"#!/bin/sh\n{script}\n")
    (place / "git").chmod(0o755)
    return {"PATH": f"{place}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(("text", "code"), [(ONE, 0), (TREE, 0), (WRONG, 2)])
def test_a_git_that_hangs_holds_up_nothing_and_is_gone_with_the_run(
    gator: Gator, text: str, code: int
) -> None:
    # A part of an answer, and a child that has to go too.
    slow = _instead_of_git(gator, "echo '# branch.oid 1234'; sleep 3600; true")
    done = gator.start("run", gator.spec(text), env=slow).wait().expect(code)
    assert "git" not in (done.out + done.err).replace(str(gator.root), "")
    assert not list(gator.root.glob(f"tracking/*/{GIT_FILE}"))


def test_where_there_is_no_git_nothing_is_said(gator: Gator) -> None:
    spec = gator.spec(ONE)
    tools = gator.root / "bin"
    tools.mkdir()
    for name in ("sh", "echo"):
        (tools / name).symlink_to(Path("/bin") / name)
    done = gator.start("run", spec, env={"PATH": str(tools)}).wait().expect(0)
    assert "git" not in (done.out + done.err).replace(str(gator.root), "")
    assert not (gator.folder / GIT_FILE).exists()
    gator("runs").expect(0)


MENDED = """\
!JobGroup
ident: top
jobs:
- !Job {ident: bad, shell: "echo broken; [ -e mended ]"}
- !Job {ident: worse, shell: "[ -e mended ]; exit $?"}
"""


def test_a_rerun_at_another_commit_says_so_and_leaves_the_range_of_the_cause(gator: Gator) -> None:
    def commit() -> str:
        _git(gator.root, "commit", "-q", "--allow-empty", "-m", "next")
        return _git(gator.root, "rev-parse", "HEAD")[:8]

    spec = gator.spec(MENDED)
    _git(gator.root, "init", "-q", "-b", "trunk")
    (gator.root / "mended").touch()
    good = commit()
    gator("run", spec).expect(0)
    (gator.root / "mended").unlink()
    bad = commit()
    gator("run", spec).expect(1)
    same = gator("run", spec, "--only", "/top/worse", "--repeat", "top").expect(1)
    assert "this run is at commit" not in same.out + same.err
    # In one run all failures are at its commit.
    assert "commit:" not in gator("failures").expect(0).out
    later = commit()
    done = gator("run", spec, "--only", "/top/bad", "--repeat", "top").expect(1)
    run = json.loads(gator("status", "-r", "top", "--json").expect(0).out)["run"]["id"][:8]
    note = f"this run is at commit {later} on trunk, and run {run}, which it repeats, was at {bad}"
    assert note in done.out + done.err
    said = gator("failures").expect(0).out
    assert f"(commits {good}..{bad})" in said
    assert f"..{later}" not in said
    first, _, second = said.partition("failed top/worse")
    assert "commit:" not in first, "it failed at the newest commit"
    assert f"commit: {bad} on trunk; the newest rerun is at {later}" in second
