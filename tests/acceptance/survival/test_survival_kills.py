"""kill -9 of the real processes at named points: nothing is lost, and nothing lives on."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest

from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, Proc, Running, until

DECLARED, STARTED = attach_pb2.EVENT_KIND_DECLARED, attach_pb2.EVENT_KIND_STARTED
BLOCK, FINISHED = attach_pb2.EVENT_KIND_BLOCK, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED
RESULT = attach_pb2.EVENT_KIND_RESULT
PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
PLACEMENTS = ("inline", "daemons", "tiers")
REMOTE = ("daemons", "tiers")
SPEC = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: first, command: echo, args: [first]}
  - !JobArray
      ident: many
      repeats: 2
      jobs:
      - !Job
          ident: work
          shell: |
            n=0
            until test -e "$GO"; do n=$((n + 1)); echo "$EPOCHREALTIME line $n"; sleep 0.02; done
            echo through
  - !Job {ident: last, on_pass: [many], command: echo, args: [last]}
"""
WORK = ("top/many/work[0]", "top/many/work[1]")


def _start(gator: Gator, placement: str) -> Running:
    env = {"GO": str(gator.root / "go")}
    return gator.start("run", gator.spec(SPEC), "-j", 4, "--placement", placement, env=env)


def _go(gator: Gator) -> None:
    (gator.root / "go").touch()


def _has(gator: Gator, kind: attach_pb2.EventKind.ValueType, *paths: str) -> bool:
    return set(paths) <= {event.path for event in gator.events(kind)}


# -- the points at which the root is killed


def _locked(gator: Gator, _: Running) -> bool:
    return (gator.folder / "run.lock").exists()


def _daemons_start(gator: Gator, _: Running) -> bool:
    return bool(gator.daemons())


def _declared(gator: Gator, _: Running) -> bool:
    return _has(gator, DECLARED, "top")


def _started(gator: Gator, _: Running) -> bool:
    return _has(gator, STARTED, WORK[0])


def _writing(gator: Gator, _: Running) -> bool:
    return sum(event.path == WORK[1] for event in gator.events(BLOCK)) > 3


def _ending(gator: Gator, run: Running) -> bool:
    """Jobs have just ended, and the root cannot have heard of it."""
    if not _writing(gator, run):
        return False
    run.signal(signal.SIGSTOP)
    _go(gator)
    until(lambda: _has(gator, FINISHED, *WORK), "the ends of jobs")
    return True


def _ended(gator: Gator, run: Running) -> bool:
    if not _has(gator, FINISHED, WORK[1]):
        _go(gator)
        return False
    return True


def _draining(gator: Gator, run: Running) -> bool:
    _go(gator)
    return _has(gator, RESULT, "top")


POINTS = [
    pytest.param(point, placement, id=f"{point.__name__.strip('_')}-{placement}")
    for point, placements in (
        (_locked, PLACEMENTS),
        (_declared, PLACEMENTS),
        (_daemons_start, REMOTE),
        (_started, PLACEMENTS),
        (_writing, PLACEMENTS),
        (_ending, REMOTE),
        (_ended, PLACEMENTS),
        (_draining, REMOTE),
    )
    for placement in placements
]


@pytest.mark.parametrize(("point", "placement"), POINTS)
def test_a_root_that_is_killed_leaves_no_process_and_a_whole_record(
    gator: Gator, point: Callable[[Gator, Running], bool], placement: str
) -> None:
    run = _start(gator, placement)
    until(lambda: point(gator, run), point.__name__)
    run.kill()
    gator.wait_gone()
    done = gator("status", "--json")
    if point in (_locked, _daemons_start) and not gator.events(DECLARED):
        # The record may lack its stores, its root node, or its events.
        known = ("never began", "died before it started anything", "is not a store yet", "not been declared")
        assert any(words in done.err for words in known)
        return
    done.expect(0)
    gator.check_results()
    nodes = gator.nodes()
    ended = {event.path: event.attempt_finished.outcome for event in gator.events(FINISHED)}
    assert ended.items() <= {path: node.outcome for path, node in nodes.items()}.items()
    if point in (_ending, _ended):
        assert b"through" in gator.output(WORK[1])


def test_what_was_written_a_second_before_a_kill_is_kept(gator: Gator) -> None:
    run = _start(gator, "daemons")
    until(lambda: b"line 60\n" in gator.output(WORK[0]) if _started(gator, run) else False, "60 lines")
    killed = time.time()
    for one in [*gator.daemons(), Proc(run.pid, 0, "root")]:
        one.kill()
    run.wait()
    gator.wait_gone()
    for path in WORK:
        last = gator.output(path).splitlines()[-1]
        assert float(last.split()[0]) > killed - 1


# -- others than the root


def test_a_job_that_is_killed_has_failed_by_a_signal(gator: Gator) -> None:
    run = _start(gator, "daemons")
    until(lambda: _writing(gator, run), "a writing job")
    victim = next(event.started.pid for event in gator.events(STARTED) if event.path == WORK[1])
    os.kill(victim, signal.SIGKILL)
    until(lambda: _has(gator, FINISHED, WORK[1]), "its end")
    _go(gator)
    run.wait().expect(1)
    gator.check_results()
    nodes = gator.nodes()
    assert nodes[WORK[1]].outcome == FAILED
    assert nodes[WORK[1]].reason == common_pb2.REASON_SIGNAL
    assert nodes[WORK[0]].outcome == PASSED
    assert nodes["top/last"].outcome == common_pb2.OUTCOME_PRUNED


def _daemon_of(gator: Gator, path: str) -> Proc:
    """The daemon that runs a job."""
    pid = next(event.started.pid for event in gator.events(STARTED) if event.path == path)
    by_pid = {one.pid: one for one in gator.processes()}
    return by_pid[by_pid[pid].parent]


@pytest.mark.parametrize("point", [_started, _writing], ids=["started", "writing"])
def test_jobs_of_a_wrapper_daemon_that_is_killed_are_tried_again_in_a_fresh_one(
    gator: Gator, point: Callable[[Gator, Running], bool]
) -> None:
    run = _start(gator, "daemons")
    until(lambda: point(gator, run) and _has(gator, STARTED, *WORK), point.__name__)
    victim = _daemon_of(gator, WORK[0])
    victim.kill()
    again = until(
        lambda: [event for event in gator.events(STARTED) if event.attempt == 2], "a second attempt"
    )
    _go(gator)
    run.wait().expect(0)
    gator.check_results()
    nodes = gator.nodes()
    assert nodes["top"].outcome == PASSED
    assert nodes[again[0].path].attempts == 2
    stores = {name: {event.path for event in events} for name, events in gator.by_store(STARTED).items()}
    assert Counter(len(paths & {again[0].path}) for paths in stores.values())[1] == 2
    assert gator.output(again[0].path, 2).endswith(b"through\n")


def test_a_daemon_that_is_killed_twice_with_the_same_job_makes_it_lost(gator: Gator) -> None:
    run = _start(gator, "daemons")
    for attempt in (1, 2):
        until(
            lambda attempt=attempt: any(
                event.attempt == attempt and event.path == WORK[0] for event in gator.events(STARTED)
            ),
            f"attempt {attempt}",
        )
        pids = {e.started.pid for e in gator.events(STARTED) if (e.path, e.attempt) == (WORK[0], attempt)}
        by_pid = {one.pid: one for one in gator.processes()}
        by_pid[by_pid[pids.pop()].parent].kill()
    until(lambda: _has(gator, RESULT, WORK[0]), "the Result")
    _go(gator)
    run.wait().expect(1)
    gator.check_results()
    nodes = gator.nodes()
    assert nodes[WORK[0]].outcome == LOST
    assert nodes[WORK[0]].reason == common_pb2.REASON_LOST
    assert "was killed by signal 9" in nodes[WORK[0]].message


def test_a_daemon_that_is_killed_between_the_end_of_a_job_and_its_result_loses_nothing(gator: Gator) -> None:
    run = _start(gator, "daemons")
    until(lambda: _writing(gator, run) and _has(gator, STARTED, *WORK), "writing jobs")
    victims = {_daemon_of(gator, path).pid: _daemon_of(gator, path) for path in WORK}
    run.signal(signal.SIGSTOP)
    _go(gator)
    until(lambda: _has(gator, FINISHED, *WORK), "the ends of jobs")
    for victim in victims.values():
        victim.kill()
    run.signal(signal.SIGCONT)
    run.wait().expect(0)
    gator.check_results()
    assert {event.attempt for event in gator.events(STARTED)} == {1}


def test_a_daemon_that_is_killed_while_it_starts_is_replaced(gator: Gator) -> None:
    run = _start(gator, "daemons")
    until(gator.daemons, "a daemon")[0].kill()
    _go(gator)
    run.wait().expect(0)
    gator.check_results()


@pytest.mark.parametrize(
    "point", [_daemons_start, _started, _writing], ids=["starting", "started", "writing"]
)
def test_a_tier_whose_daemon_is_killed_goes_on_in_a_fresh_one(
    gator: Gator, point: Callable[[Gator, Running], bool]
) -> None:
    run = _start(gator, "tiers")
    until(lambda: point(gator, run), point.__name__)
    victim = gator.daemons()[0] if point is _daemons_start else _daemon_of(gator, WORK[0])
    victim.kill()
    _go(gator)
    run.wait().expect(0)
    gator.check_results()
    nodes = gator.nodes()
    assert nodes["top"].outcome == PASSED
    if point is not _daemons_start:
        assert nodes[WORK[0]].attempts == 2
    if point is _writing:
        assert b" line 1\n" in gator.output(WORK[1], 1)


def test_jobs_end_with_the_root_though_its_guard_was_killed_first(gator: Gator) -> None:
    run = gator.start("run", gator.spec("!Job {ident: one, command: sleep, args: ['60.3']}\n"))
    until(lambda: gator.jobs("60.3"), "a job")
    for guard in until(lambda: gator.guards(run.pid), "a guard"):
        guard.kill()
    run.kill()
    assert gator.jobs("60.3")
    gator("status").expect(0)
    assert not gator.processes()
    gator.check_results()


def test_who_is_killed_while_closing_leaves_it_to_the_next(gator: Gator) -> None:
    run = _start(gator, "daemons")
    until(lambda: _writing(gator, run), "a writing job")
    run.kill()
    stores = gator.folder / "stores"
    closing = gator.start("close")
    until(lambda: closing.ended or any(stores.glob("closing.*")), "the store of what is missing")
    closing.signal(signal.SIGKILL)
    closing.wait()
    gator("status").expect(0)
    gator.check_results()
    assert gator.nodes()["top"].outcome == LOST
    assert not list(stores.glob("*.part*"))
