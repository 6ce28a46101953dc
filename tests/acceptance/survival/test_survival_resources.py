"""Want of everything: a full disk, no descriptors, no folder, no daemons. Never a hang, never a traceback."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Done, Gator, until

PASSED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_LOST
FINISHED = attach_pb2.EVENT_KIND_ATTEMPT_FINISHED
ECHO = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: echo, args: [hi]}]}\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.fixture
def small_disk(gator: Gator) -> Iterator[Path]:
    """A file system with room for 64 MiB."""
    place = gator.root / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@as_root
@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_on_a_full_disk_the_run_stops_and_its_results_fit(
    gator: Gator, small_disk: Path, placement: str
) -> None:
    text = """\
!JobGroup
  ident: top
  jobs:
  - !JobGroup
      ident: part
      jobs:
      - !Job {ident: flood, command: sh, args: [-c, 'base64 -w 70 /dev/urandom']}
      - !Job {ident: quiet, command: sleep, args: ['60.2']}
  - !Job {ident: after, on_done: [part], command: echo}
"""
    folder = small_disk / "run"
    run = gator.start("run", gator.spec(text), "-j", 4, "--placement", placement, "--tracking", str(folder))
    done = run.wait().expect(3)
    assert "disk is full" in done.err
    assert not gator.jobs("60.2")
    gator.check_results(folder)
    nodes = gator.nodes(folder)
    assert nodes["top"].outcome == common_pb2.OUTCOME_CANCELLED
    assert nodes["top"].reason == common_pb2.REASON_DISK_FULL
    assert nodes["top/part/quiet"].reason == common_pb2.REASON_DISK_FULL


@as_root
def test_a_disk_that_is_full_from_the_start_is_told_at_once(gator: Gator, small_disk: Path) -> None:
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=64k"], check=False, capture_output=True
    )
    done = gator("run", gator.spec(ECHO), "--tracking", str(small_disk / "run"))
    assert done.code in (2, 3)
    assert "space" in done.err or "room" in done.err
    assert "Traceback" not in done.err


@as_root
def test_a_disk_without_room_for_the_daemons_is_told_without_a_traceback(
    gator: Gator, small_disk: Path
) -> None:
    (small_disk / "filler").write_bytes(bytes(55 << 20))
    jobs = ", ".join(f"!Job {{ident: j{n}, command: sleep, args: ['0.1']}}" for n in range(8))
    text = f"!JobGroup {{ident: top, jobs: [{jobs}]}}\n"
    tracking = str(small_disk / "run")
    run = ("run", gator.spec(text), "-j", 8, "--placement", "daemons", "--tracking", tracking)
    done = gator(*run).expect(3)
    assert "room" in done.err or "disk is full" in done.err
    assert "Traceback" not in done.err + done.out


def test_a_tracking_folder_that_cannot_be_made_is_told_before_anything_starts(gator: Gator) -> None:
    (gator.root / "tracking").write_text("a file")
    done = gator("run", gator.spec(ECHO)).expect(2)
    assert "--tracking" in done.err
    assert len(done.err.splitlines()) == 1
    done = gator("run", gator.spec(ECHO), "--tracking", "/proc/nothing/here").expect(2)
    assert "/proc/nothing/here" in done.err


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that others can read, as those below a home often are."""
    with tempfile.TemporaryDirectory(prefix="gator-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _as_nobody(gator: Gator, place: Path, *args: str) -> Done:
    env = {"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/", "XDG_RUNTIME_DIR": "", "GATOR_TRACKING": str(place)}
    return gator.start(*args, prefix=NOBODY, env=env).wait()


@as_root
def test_a_tracking_folder_without_the_right_to_write_is_told(gator: Gator, public: Path) -> None:
    (public / "spec.yaml").write_text(ECHO)
    done = _as_nobody(gator, public / "tracking", "run", str(public / "spec.yaml")).expect(2)
    assert "--tracking" in done.err


@as_root
def test_somebody_else_reads_a_run_that_ended(gator: Gator, public: Path) -> None:
    gator("run", gator.spec(ECHO), env={"GATOR_TRACKING": str(public)}).expect(0)
    for command in (("status",), ("tree",), ("logs", "one"), ("show", "one")):
        own = gator(*command, env={"GATOR_TRACKING": str(public)}).expect(0)
        assert _as_nobody(gator, public, *command).expect(0).out == own.out


@as_root
def test_somebody_else_sees_a_dead_run_as_its_owner_will_and_writes_nothing(
    gator: Gator, public: Path
) -> None:
    text = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: sleep, args: ['60.9']}]}\n"
    run = gator.start("run", gator.spec(text), env={"GATOR_TRACKING": str(public)})
    until(lambda: gator.jobs("60.9"), "a job")
    run.kill()
    gator.wait_gone()
    folder = (public / "latest").resolve()
    before = sorted(folder.rglob("*"))
    other = _as_nobody(gator, public, "tree")
    assert "Traceback" not in other.err
    assert sorted(folder.rglob("*")) == before
    own = gator("tree", env={"GATOR_TRACKING": str(public)}).expect(0)
    assert (folder / "stores" / "closing.db").exists()
    assert _as_nobody(gator, public, "tree").expect(0).out == own.out
    if other.code == 0:
        assert other.out == own.out
    else:
        # A log that was written ahead can only be read by who may write beside it.
        assert "try as the user who ran it" in other.err


@as_root
def test_somebody_else_cannot_stop_a_run(gator: Gator, public: Path) -> None:
    text = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: sleep, args: ['60.9']}]}\n"
    run = gator.start("run", gator.spec(text), env={"GATOR_TRACKING": str(public)})
    until(lambda: gator.jobs("60.9") and (public / "latest" / "control").exists(), "a job")
    other = _as_nobody(gator, public, "stop")
    assert other.code in (2, 3)
    assert "Traceback" not in other.err
    assert gator.jobs("60.9")
    gator("stop", env={"GATOR_TRACKING": str(public)}).expect(0)
    run.wait().expect(1)


def test_daemons_that_cannot_start_end_the_run_with_their_last_words(gator: Gator) -> None:
    # The command itself is told to look past the variable that no daemon survives.
    run = gator.start(
        "run",
        gator.spec(ECHO),
        "--placement",
        "daemons",
        python=(sys.executable, "-E"),
        env={"PYTHONHOME": "/no/python/here"},
    )
    done = run.wait().expect(3)
    assert "daemons cannot be started" in done.err
    assert "Python" in done.err
    gator.check_results()
    nodes = gator.nodes()
    assert nodes["top/one"].outcome == LOST
    assert nodes["top/one"].reason == common_pb2.REASON_DAEMON_START


def _with_descriptors(limit: int) -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh")


@pytest.mark.parametrize("limit", [16, 40])
def test_without_descriptors_there_is_a_clear_error_before_anything_starts(gator: Gator, limit: int) -> None:
    done = gator.start("run", gator.spec(ECHO), prefix=_with_descriptors(limit)).wait()
    assert done.code in (2, 3)
    assert "Traceback" not in done.err
    assert "files" in done.err
    assert not (gator.root / "tracking").exists()


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_with_few_descriptors_jobs_wait_for_one_another(gator: Gator, placement: str) -> None:
    text = """\
!JobArray
  ident: top
  repeats: 60
  jobs:
  - !Job {ident: one, command: sleep, args: ['0.1']}
"""
    args = ("-j", 60, "--placement", placement)
    gator.start("run", gator.spec(text), *args, prefix=_with_descriptors(64)).wait().expect(0)
    gator.check_results()
    assert gator.nodes()["top"].tally.passed == 60


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_a_thousand_jobs_at_once_fit_under_the_usual_limit_of_descriptors(
    gator: Gator, placement: str
) -> None:
    text = """\
!JobArray
  ident: top
  repeats: 1000
  jobs:
  - !Job {ident: one, command: sleep, args: ['3']}
"""
    run = gator.start(
        "run",
        gator.spec(text),
        *("-j", 1000, "--quiet", "--placement", placement),
        prefix=_with_descriptors(1024),
    )
    run.wait(100).expect(0)
    gator.check_results()
    assert gator.nodes()["top"].tally.passed == 1000


def test_two_runs_of_one_second_have_a_folder_each(gator: Gator) -> None:
    spec = gator.spec(ECHO)
    runs = [gator.start("run", spec) for _ in range(3)]
    for run in runs:
        run.wait().expect(0)
    folders = [path for path in (gator.root / "tracking").iterdir() if not path.is_symlink()]
    assert len(folders) == 3
    for folder in folders:
        gator.check_results(folder)
        assert gator.output("top/one", folder=folder) == b"hi\n"


def test_a_gone_working_folder_is_told(gator: Gator) -> None:
    begun = time.monotonic()
    run = gator.start(
        "run",
        gator.spec(ECHO),
        prefix=("sh", "-c", 'mkdir gone && cd gone && rmdir "$PWD" && exec "$@"', "sh"),
    )
    done = run.wait()
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert time.monotonic() - begun < 30


def test_a_run_whose_folder_was_removed_does_not_claim_that_all_is_well(gator: Gator) -> None:
    """The jobs continue, but their record is gone."""
    text = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: vandal, shell: 'rm -r "$GATOR_RUN_DIR"/stores/root.db*'}
"""
    done = gator("run", gator.spec(text)).expect(3)
    assert "was removed while the run went on" in done.err
    assert "Traceback" not in done.err


def test_a_command_in_a_folder_that_is_gone_says_so(gator: Gator) -> None:
    spec = gator.spec(ECHO)
    script = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -P -m gator run {gator.root / spec}"
    done = subprocess.run(["sh", "-c", script], check=False, capture_output=True, text=True, cwd=gator.root)
    assert done.returncode == 2
    assert done.stderr == "gator: the current folder was removed: change to another one\n"


def test_variables_that_are_not_utf8_reach_the_jobs_as_they_are(gator: Gator) -> None:
    spec = gator.spec(
        "!Job {ident: one, command: sh, args: [-c, 'printf %s \"$1\" | od -An -tx1', sh, $ODD]}\n"
    )
    environment = {**os.environb, b"ODD": b"\xff\xfe"}
    command = [sys.executable, "-P", "-m", "gator", "run", spec]
    done = subprocess.run(command, check=False, capture_output=True, cwd=gator.root, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b" ff fe\n" in done.stdout


def test_a_spec_whose_name_is_not_utf8_is_refused_in_a_line(gator: Gator) -> None:
    name = b"\xff.yaml"
    Path(os.fsdecode(os.fsencode(gator.root) + b"/" + name)).write_text(ECHO)
    command = [sys.executable.encode(), b"-P", b"-m", b"gator", b"run", name]
    done = subprocess.run(command, check=False, capture_output=True, cwd=gator.root)
    assert done.returncode == 2
    assert done.stderr == b"gator: cannot use \\xff.yaml: its name is not UTF-8: rename it\n"
