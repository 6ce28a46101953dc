"""Folders of runs in which something stands in place of Gator's files."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until

LONG = "!Job {ident: a, shell: sleep 50.7}"


def _directory_for_control(folder: Path) -> str:
    (folder / "control").unlink(missing_ok=True)
    (folder / "control").mkdir()
    return "control is not a regular file"


def _link_for_stores(folder: Path) -> str:
    shutil.rmtree(folder / "stores")
    (folder / "stores").symlink_to("stores")
    return "stores is not a folder"


def _fifo_for_store(folder: Path) -> str:
    (folder / "stores" / "root.db").unlink()
    os.mkfifo(folder / "stores" / "root.db")
    return "root.db is not a regular file"


def _directory_for_journal(folder: Path) -> str:
    (folder / "stores" / "root.db-wal").unlink(missing_ok=True)
    (folder / "stores" / "root.db-wal").mkdir()
    return "root.db-wal is not a regular file"


@pytest.mark.parametrize(
    "damage", [_directory_for_control, _link_for_stores, _fifo_for_store, _directory_for_journal]
)
def test_close_names_what_is_damaged_and_writes_nothing(gator: Gator, damage: Callable[[Path], str]) -> None:
    folder = gator.root / "run"
    run = gator.start("run", gator.spec(LONG), "--tracking", str(folder))
    until(lambda: (folder / "control").exists() and gator.jobs("50.7"), "a job and its server")
    run.kill()
    named = damage(folder)
    assert named in gator("close", "-r", str(folder)).expect(2).err
    seen = gator("status", "-r", str(folder))
    assert seen.code in (0, 2), seen.err
    assert "never began" not in seen.err
    assert not (folder / "gator.log").exists()


def test_stop_says_that_a_paused_run_does_not_answer(gator: Gator) -> None:
    folder = gator.root / "run"
    run = gator.start("run", gator.spec(LONG), "--tracking", str(folder))
    until(lambda: (folder / "control").exists() and gator.jobs("50.7"), "a job and its server")
    run.signal(signal.SIGSTOP)
    said = gator("stop", "-r", str(folder)).expect(2)
    assert f"(process {run.pid} on " in said.err
    assert "it may be paused; the stop was not delivered" in said.err
    run.signal(signal.SIGCONT)
    gator("stop", "--now", "-r", str(folder)).expect(0)
    run.wait()
