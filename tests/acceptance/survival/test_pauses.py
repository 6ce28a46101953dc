"""A run whose processes stood still (a paused VM, SIGSTOP) judges by what happened, not by late news."""

import contextlib
import os
import signal
import time
from collections.abc import Generator, Iterable

import pytest

from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, Running, until

PASSED = common_pb2.OUTCOME_PASSED
LOG, STARTED = attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_STARTED
WARNING = "did not run for"
LIMIT_S = 3.0
"""Timeout, deadline or grace of a job in these tests; much longer than what a test does before a pause."""
PAUSE_S = LIMIT_S + 3.0
"""Longer than the limit, and late enough to be noticed."""
SPEC = f"""\
!JobGroup
ident: top
jobs:
- !JobGroup
  ident: inner
  jobs:
  - !Job
    ident: one
    LIMIT: {LIMIT_S:.0f}s
    shell: |
      echo begun
      SCRIPT
"""
WAITS = "until [ -e go ]; do sleep 0.0117; done; echo done"
SLOW_TO_END = (
    "trap ': > ending; until [ -e go ]; do sleep 0.0117; done; echo done; exit 0' TERM; "
    "while :; do sleep 0.0117; done"
)
PLACEMENTS = ["inline", "daemons", "tiers"]


def _start(gator: Gator, limit: str, script: str, placement: str, *options: str) -> Running:
    spec = gator.spec(SPEC.replace("LIMIT", limit).replace("SCRIPT", script))
    run = gator.start("run", spec, "-j", "2", "--placement", placement, *options)
    until(lambda: b"begun" in gator.output("top/inner/one"), "a job")
    return run


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def _paused(pids: Iterable[int]) -> Generator[None]:
    """Processes stand still inside, and until a limit has passed."""
    pids = list(pids)
    began = time.monotonic()
    _send(pids, signal.SIGSTOP)
    try:
        yield
        until(lambda: time.monotonic() - began > PAUSE_S, "the end of the pause")
    finally:
        _send(pids, signal.SIGCONT)


def _everything(gator: Gator) -> list[int]:
    return [process.pid for process in gator.processes()]


def _of_gator(gator: Gator, run: Running, who: str) -> list[int]:
    daemons = [process.pid for process in gator.daemons()]
    return {"root": [run.pid], "daemons": daemons, "all": [run.pid, *daemons]}[who]


def _warnings(gator: Gator) -> list[str]:
    return [event.log.text for event in gator.events(LOG) if WARNING in event.log.text]


@pytest.mark.parametrize(
    ("placement", "who"),
    [
        ("inline", "root"),
        ("daemons", "root"),
        ("daemons", "daemons"),
        ("daemons", "all"),
        ("tiers", "daemons"),
        ("tiers", "all"),
    ],
)
@pytest.mark.parametrize("limit", ["timeout", "deadline"])
def test_what_ended_in_time_while_gator_stood_still_passes(
    gator: Gator, placement: str, who: str, limit: str
) -> None:
    run = _start(gator, limit, WAITS, placement)
    with _paused(_of_gator(gator, run, who)):
        (gator.root / "go").touch()
        until(lambda: not gator.jobs("0.0117"), "the end of the job")
    run.wait().expect(0)
    gator.check_results()
    assert {node.outcome for node in gator.nodes().values()} == {PASSED}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_timeout_does_not_count_the_time_in_which_everything_stood_still(
    gator: Gator, placement: str
) -> None:
    run = _start(gator, "timeout", WAITS, placement)
    with _paused(_everything(gator)):
        pass
    until(lambda: WARNING in run.text(), "the warning")
    (gator.root / "go").touch()
    done = run.wait().expect(0)
    assert gator.output("top/inner/one") == b"begun\ndone\n"
    assert done.out.count(WARNING) == 1
    (text,) = _warnings(gator)
    assert "timeouts and grace periods of running jobs are extended" in text


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_grace_does_not_count_the_time_in_which_everything_stood_still(
    gator: Gator, placement: str
) -> None:
    run = _start(gator, "grace", SLOW_TO_END, placement)
    run.signal(signal.SIGTERM)
    # The notice of the root may come before the daemon has the order, and then no grace runs in the pause.
    until(lambda: (gator.root / "ending").exists(), "the TERM of the job")
    with _paused(_everything(gator)):
        pass
    until(lambda: WARNING in run.text(), "the warning")
    (gator.root / "go").touch()
    run.wait().expect(130)
    # The shell may tell afterwards of a sleep that it has lost to TERM.
    assert b"done\n" in gator.output("top/inner/one")


def test_a_timeout_comes_all_the_same_after_a_pause(gator: Gator) -> None:
    run = _start(gator, "timeout", WAITS, "daemons")
    with _paused(_everything(gator)):
        pass
    run.wait().expect(1)
    assert gator.nodes()["top/inner/one"].reason == common_pb2.REASON_TIMEOUT


def test_one_pause_of_many_jobs_makes_one_warning_on_the_terminal(gator: Gator) -> None:
    jobs = [f"- !Job {{ident: j{n}, timeout: {LIMIT_S:.0f}s, shell: '{WAITS}'}}" for n in range(6)]
    spec = gator.spec("\n".join(["!JobGroup", "ident: top", "jobs:", *jobs]))
    run = gator.start("run", spec, "-j", "6", "--placement", "daemons")
    until(lambda: len(gator.events(STARTED)) == 6, "six jobs")
    with _paused(_everything(gator)):
        pass
    until(lambda: WARNING in run.text(), "the warning")
    (gator.root / "go").touch()
    assert run.wait().expect(0).out.count(WARNING) == 1
