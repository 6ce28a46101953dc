"""Reading a copy of a run's folder harms no run: nothing is killed, and nothing written that may not be."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gator.core.run_key import run_id_of
from gator.process.sweep import LivingRootError, living_root, sweep
from gator.run_folder import RunFolder
from tests.acceptance.support import Gator, Running, until

SPEC = "!JobGroup {ident: top, jobs: [!Job {ident: one, shell: 'echo begun; exec sleep 60.9'}]}\n"
READING = (("status",), ("runs", "--tracking"), ("tree",), ("logs", "top/one"), ("close",), ("failures",))


def _live_run(gator: Gator) -> tuple[Running, Path]:
    run = gator.start("run", gator.spec(SPEC), "--placement", "daemons", "--tracking", "run")
    folder = gator.root / "run"
    until(lambda: (folder / "control").exists(), "a run that listens")
    until(lambda: gator.output("top/one", folder=folder), "what the job wrote")
    return run, folder


def _end(gator: Gator, run: Running) -> None:
    assert gator.jobs("60.9"), "the job of the live run was killed"
    assert not run.ended
    run.signal(signal.SIGINT)
    run.wait().expect(130)


def _cp(*options: str) -> Callable[[Path, Path], object]:
    return lambda source, target: subprocess.run(["cp", *options, str(source), str(target)], check=True)


def _tar(source: Path, target: Path) -> None:
    target.mkdir()
    packed = target.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(source), "-cf", str(packed), "."], check=True)
    subprocess.run(["tar", "-C", str(target), "-xf", str(packed)], check=True)


COPIES = {"cp-r": _cp("-r"), "cp-a": _cp("-a"), "hard-links": _cp("-al"), "tar": _tar}


@pytest.mark.parametrize("how", COPIES)
def test_reading_a_copy_of_a_live_run_leaves_the_run_alone(gator: Gator, how: str) -> None:
    run, folder = _live_run(gator)
    copy = gator.root / "copy"
    COPIES[how](folder, copy)
    before = sorted(path.name for path in copy.rglob("*"))
    for command, *option in READING:
        gator(command, *((*option, "copy") if option else ("-r", "./copy")))
    gator("close", "--force", "-r", "./copy").expect(2)
    assert sorted(path.name for path in copy.rglob("*") if not path.name.endswith(("-wal", "-shm"))) == [
        name for name in before if not name.endswith(("-wal", "-shm"))
    ]
    _end(gator, run)


def test_a_copy_shows_the_run_as_it_was_then_and_later_too(gator: Gator) -> None:
    run, folder = _live_run(gator)
    shutil.copytree(folder, gator.root / "copy")
    text = gator("status", "-r", "./copy").expect(0).out
    assert "top  running" in text
    assert "a copy, showing the run as of" in text
    assert "is a copy" in gator("stop", "-r", "./copy").expect(2).err
    _end(gator, run)
    assert "top  running" in gator("status", "-r", "./copy").expect(0).out
    assert "top  cancelled" in gator("status", "-r", "./run").expect(0).out
    assert not (gator.root / "copy" / "stores" / "closing.db").exists()
    # On request a copy is closed like a run that died.
    gator("close", "-r", "./copy").expect(0)
    assert "top  lost" in gator("status", "-r", "./copy").expect(0).out


def test_a_copy_of_a_finished_run_is_like_the_run(gator: Gator) -> None:
    gator("run", gator.spec("!Job {ident: one, command: echo, args: [hi]}\n"), "--tracking", "run").expect(0)
    shutil.copytree(gator.root / "run", gator.root / "copy")
    assert "one  passed" in gator("status", "-r", "./copy").expect(0).out
    assert gator("logs", "one", "-r", "./copy").expect(0).out == "hi\n"
    assert json.loads(gator("close", "-r", "./copy", "--json").expect(0).out)["closed"] is False


def _dead_run(gator: Gator) -> Path:
    run, folder = _live_run(gator)
    run.kill()
    gator.wait_gone()
    return folder


def test_a_dead_run_that_was_moved_is_closed_by_who_reads_it(gator: Gator) -> None:
    folder = _dead_run(gator)
    moved = gator.root / "elsewhere" / "moved"
    moved.parent.mkdir()
    folder.rename(moved)
    assert "top  lost" in gator("status", "-r", "elsewhere/moved").expect(0).out
    gator.check_results(moved)


@pytest.mark.parametrize("missing", ["no key", "the key of another run", "a key that anybody wrote"])
def test_without_its_key_a_dead_run_is_shown_and_not_closed(gator: Gator, missing: str) -> None:
    folder = _dead_run(gator)
    key = folder / "run.key"
    if missing == "no key":
        key.unlink()
    else:
        key.write_bytes(os.urandom(32) if missing == "the key of another run" else b"")
    assert "top  lost" in gator("status", "-r", "./run").expect(0).out
    assert not (folder / "stores" / "closing.db").exists()
    for options in ([], ["--force"]):
        assert "run.key" in gator("close", *options, "-r", "./run").expect(2).err
    assert not (folder / "stores" / "closing.db").exists()


def test_a_run_of_another_container_is_closed_only_by_force(gator: Gator) -> None:
    folder = _dead_run(gator)
    owner = json.loads((folder / "run.lock").read_text())
    (folder / "run.lock").write_text(json.dumps({**owner, "pid_namespace": 1}))
    assert "top  lost" in gator("status", "-r", "./run").expect(0).out
    assert not (folder / "stores" / "closing.db").exists()
    assert "another container" in gator("close", "-r", "./run").expect(2).err
    gator("close", "--force", "-r", "./run").expect(0)
    gator.check_results(folder)


def test_nothing_of_a_run_is_swept_while_its_root_lives_whatever_a_folder_says(gator: Gator) -> None:
    run, folder = _live_run(gator)
    holder = RunFolder(folder).lock_holder()
    assert holder is not None
    root = living_root(holder.run)
    assert root is not None
    assert root.pid == run.pid
    with pytest.raises(LivingRootError):
        sweep(holder.run)
    # A copy with a forged lock: it claims that the process is gone and that it is not a copy.
    copy = gator.root / "copy"
    shutil.copytree(folder, copy)
    lie = json.loads((copy / "run.lock").read_text())
    lie |= {"start_ticks": 1, "file": (copy / "run.lock").stat().st_ino}
    (copy / "run.lock").write_text(json.dumps(lie))
    gator("status", "-r", "./copy").expect(0)
    assert "is live" in gator("close", "--force", "-r", "./copy").expect(2).err
    _end(gator, run)
    assert living_root(holder.run) is None


def test_a_run_has_a_secret_key_that_gives_its_id(gator: Gator) -> None:
    gator("run", gator.spec("!Job {ident: one, command: echo}\n"), "--tracking", "run").expect(0)
    key = gator.root / "run" / "run.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32
    assert json.loads(gator("status", "-r", "./run", "--json").out)["run"]["id"] == run_id_of(
        key.read_bytes()
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gator-open-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="needs to be another user")
def test_what_another_user_makes_of_a_folder_kills_nothing_of_who_reads_it(
    gator: Gator, open_folder: Path
) -> None:
    run, folder = _live_run(gator)
    copy = open_folder / "copy"
    copy.mkdir()
    # All that anybody may read of it, and a lock that names a process that is gone.
    shutil.copytree(folder / "stores", copy / "stores")
    owner = json.loads((folder / "run.lock").read_text())
    (copy / "run.lock").write_text(json.dumps({**owner, "start_ticks": 1, "file": 0}))
    (copy / "run.key").write_bytes(os.urandom(32))
    for path in (copy, *copy.rglob("*")):
        os.chown(path, 65534, 65534)
    (copy / "gator.log").symlink_to(gator.root / "victim")
    before = sorted(copy.rglob("*"))
    gator("status", "-r", str(copy)).expect(0)
    assert "another user" in gator("close", "--force", "-r", str(copy)).expect(2).err
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    environment = {**gator.env, "HOME": str(open_folder), "XDG_RUNTIME_DIR": str(open_folder)}
    for command in ("status", "close"):
        done = subprocess.run(
            [*nobody, sys.executable, "-m", "gator", command, "-r", str(copy)],
            env=environment,
            cwd=open_folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert (done.returncode == 0) == (command == "status"), done.stderr
    assert sorted(copy.rglob("*")) == before
    assert not (gator.root / "victim").exists()
    _end(gator, run)
