"""Ctrl-C, TERM and a closed terminal end a run in good order: Results written, nothing left alive."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, Running, until

CANCELLED, PASSED = common_pb2.OUTCOME_CANCELLED, common_pb2.OUTCOME_PASSED
FINISHED = attach_pb2.EVENT_KIND_ATTEMPT_FINISHED
SPEC = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: first, command: echo, args: [first]}
  - !Job
      ident: polite
      shell: |
        trap 'echo bye; exit 0' TERM
        sleep 60.4 & wait
  - !Job {ident: last, on_done: [polite], command: echo, args: [last]}
"""
STUBBORN = """\
!JobGroup
  ident: top
  grace: GRACE
  jobs:
  - !Job {ident: deaf, shell: "trap '' TERM INT HUP; echo ready; while :; do sleep 0.3; done"}
"""


def _run(gator: Gator, placement: str) -> Running:
    run = gator.start("run", gator.spec(SPEC), "-j", 4, "--placement", placement)
    until(lambda: gator.jobs("60.4") and gator.events(FINISHED), "a job that waits")
    return run


def _check_cancelled(gator: Gator) -> None:
    gator.check_results()
    assert not (gator.folder / "stores" / "closing.db").exists()
    outcomes = {path: node.outcome for path, node in gator.nodes().items()}
    assert outcomes == {
        "top": CANCELLED,
        "top/first": PASSED,
        "top/polite": CANCELLED,
        "top/last": CANCELLED,
    }
    assert gator.output("top/polite") == b"bye\n"


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_ctrl_c_once_stops_gracefully_with_results_and_a_summary(gator: Gator, placement: str) -> None:
    run = _run(gator, placement)
    run.signal(signal.SIGINT)
    done = run.wait(20).expect(130)
    assert not gator.jobs("60.4")
    _check_cancelled(gator)
    assert "SIGINT: stopping" in done.out
    assert "CANCELLED top" in done.out
    assert str(gator.folder) in done.out


def test_term_does_as_ctrl_c_once(gator: Gator) -> None:
    run = _run(gator, "daemons")
    run.signal(signal.SIGTERM)
    run.wait(20).expect(130)
    _check_cancelled(gator)


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_ctrl_c_twice_kills_at_once(gator: Gator, placement: str) -> None:
    spec = gator.spec(STUBBORN.replace("GRACE", "60"))
    run = gator.start("run", spec, "--placement", placement)
    until(lambda: b"ready" in gator.output("top/deaf"), "a deaf job")
    run.signal(signal.SIGINT)
    until(lambda: "SIGINT: stopping" in run.text(), "the notice")
    run.signal(signal.SIGINT)
    run.wait(20).expect(130)
    gator.check_results()
    assert gator.nodes()["top/deaf"].outcome == CANCELLED


def test_a_job_that_ignores_term_is_killed_after_its_grace(gator: Gator) -> None:
    run = gator.start("run", gator.spec(STUBBORN.replace("GRACE", "500ms")))
    until(lambda: b"ready" in gator.output("top/deaf"), "a deaf job")
    begun = time.monotonic()
    run.signal(signal.SIGINT)
    run.wait(20).expect(130)
    assert time.monotonic() - begun > 0.5
    gator.check_results()
    assert gator.nodes()["top/deaf"].outcome == CANCELLED


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_a_closed_terminal_loses_nothing_of_the_record(gator: Gator, placement: str) -> None:
    master, slave = pty.openpty()
    run = gator.start("run", gator.spec(SPEC), "-j", 4, "--placement", placement, terminal=slave)
    os.close(slave)
    until(lambda: gator.jobs("60.4") and gator.events(FINISHED), "a job that waits")
    os.close(master)
    run.wait(20).expect(130)
    _check_cancelled(gator)


def test_nohup_goes_on_without_its_terminal(gator: Gator) -> None:
    gate = gator.root / "go"
    waits = f"until test -e {gate}; do sleep 0.02; done"
    spec = gator.spec(f"!JobGroup {{ident: top, jobs: [!Job {{ident: one, shell: '{waits}'}}]}}\n")
    master, slave = pty.openpty()
    # The shell stands for the login shell that leads the session; nohup only ignores the signal.
    run = gator.start("run", spec, prefix=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"), terminal=slave)
    os.close(slave)
    until(lambda: gator.events(attach_pb2.EVENT_KIND_STARTED), "a job")
    os.close(master)
    gate.touch()
    run.wait(20).expect(0)
    gator.check_results()
    assert gator.nodes()["top"].outcome == PASSED


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGWINCH])
def test_the_live_display_goes_on_below_what_others_wrote(gator: Gator, number: signal.Signals) -> None:
    master, slave = pty.openpty()
    spec = gator.spec("!JobGroup {ident: top, jobs: [!Job {ident: one, shell: sleep 60.6}]}\n")
    run = gator.start("run", spec, terminal=slave, env={"TERM": "xterm"})
    seen = b""

    def read_until(frames: int) -> list[bytes]:
        nonlocal seen
        while seen.count(b"\x1b[?25h") < frames:
            seen += os.read(master, 65_536)
        return seen.split(b"\x1b[?25l")[1:]

    until(lambda: gator.jobs("60.6"), "a job")
    # The second frame stands in the place of the first.
    assert re.search(rb"\x1b\[\d+A", read_until(3)[2])
    run.signal(signal.SIGSTOP)
    until(lambda: _state(run.pid) == "T", "a stopped run")
    frames = len(read_until(3))
    os.write(slave, b"others wrote this\n")
    run.signal(number)
    run.signal(signal.SIGCONT)
    first_after = read_until(frames + 1)[frames]
    assert b"others wrote this" in seen
    assert not re.search(rb"\x1b\[\d+A", first_after)
    run.signal(signal.SIGTERM)
    run.signal(signal.SIGTERM)
    run.wait().expect(130)
    os.close(slave)
    os.close(master)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_ctrl_c_at_any_moment_of_the_start_shows_no_traceback(gator: Gator, tmp_path: Path) -> None:
    # A module that is imported late sends the interrupt, so that the moment is always the same.
    package = tmp_path / "early"
    package.mkdir()
    (package / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    process = subprocess.run(
        [sys.executable, "-m", "gator", "run", gator.spec(SPEC)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGINT, "", "")
