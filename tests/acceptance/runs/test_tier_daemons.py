"""Tiers in daemons of their own: what happens when such a daemon is killed, and what can be stopped there."""

import os
import signal
from functools import partial
from pathlib import Path

from gator.run_folder import RunFolder
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, Running, until

TREE = """\
!JobGroup
  ident: top
  jobs:
  - !JobGroup
      ident: work
      jobs:
      - !Job {{ident: first, shell: "echo one >> ran"}}
      - !Job {{ident: second, on_pass: [first], shell: "echo two >> ran"}}
      - !JobArray
          ident: many
          on_pass: [second]
          repeats: 6
          jobs:
          - !Job
              ident: run
              shell: |
                echo "$GATOR_ARRAY_INDEX" >> ran
                {body}
      - !Job {{ident: last, on_pass: [many], command: echo, args: [last]}}
      - !Job {{ident: never, on_fail: [first], command: echo, args: [never]}}
  - !Job {{ident: after, on_done: [second], command: echo, args: [after]}}
  - !JobGroup
      ident: other
      on_pass: [many]
      jobs:
      - !Job {{ident: end, command: echo, args: [end]}}
"""
HOG = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: hog, shell: "until test -e go; do sleep 0.05; done"}
  - !JobGroup
      ident: work
      jobs:
      - !JobArray
          ident: many
          on_pass: [hog]
          repeats: 3
          jobs:
          - !Job {ident: run, command: "true"}
      - !Job {ident: last, on_pass: [many], command: "true"}
  - !Job {ident: rescue, on_fail: [work], command: "true"}
"""
UNTIL_GO = "until test -e go; do sleep 0.05; done"


def started(gator: Gator, number: int, word: str = "run[") -> list[str]:
    """Waits until this number of attempts has started. Returns their paths."""

    def look() -> list[str]:
        if not (gator.root / "tracking" / "latest").exists():
            return []
        events = gator.events(attach_pb2.EVENT_KIND_STARTED)
        found = [event.path for event in events if word in event.path]
        return found if len(found) >= number else []

    return until(look, f"{number} starts")


def daemon_of(gator: Gator, store: str) -> int:
    """Process id of the daemon that writes a store."""
    file = str(gator.folder / "stores" / f"{store}.db")

    def look() -> int:
        for one in gator.daemons():
            for fd in Path(f"/proc/{one.pid}/fd").glob("*"):
                try:
                    if str(fd.readlink()) == file:
                        return one.pid
                except OSError:
                    continue
        return 0

    return until(look, f"the daemon {store}")


def declared(gator: Gator) -> set[str]:
    return {event.path for event in gator.events(attach_pb2.EVENT_KIND_DECLARED)}


def listens(gator: Gator, daemon: str) -> bool:
    holder = RunFolder(gator.folder).lock_holder()
    assert holder is not None
    return f"{holder.run[:16]}-{daemon}.sock" in Path("/proc/net/unix").read_text()


def start(gator: Gator, body: str, *args: str) -> Running:
    """Run the tree with its groups in tier daemons."""
    spec = gator.spec(TREE.format(body=body))
    return gator.start("run", spec, "--placement", "tiers", "-j", "3", "--seed", "1", *args)


def test_a_tier_goes_on_in_a_fresh_daemon_when_its_own_is_killed(gator: Gator) -> None:
    run = start(gator, UNTIL_GO)
    before = started(gator, 3)
    # A job has started before it has done anything.
    until(lambda: len((gator.root / "ran").read_text().split()) == 5, "what the jobs write first")
    os.kill(daemon_of(gator, "t1"), signal.SIGKILL)
    (gator.root / "go").touch()
    done = run.wait().expect(0)
    assert "the daemon t1 was killed by signal 9" in done.out
    gator.check_results()
    nodes = gator.nodes()
    assert {node.outcome for path, node in nodes.items() if not path.endswith("never")} == {
        common_pb2.OUTCOME_PASSED
    }
    # What had ended did not run again, what ran was tried once more, what had not started started once.
    ran = sorted((gator.root / "ran").read_text().split())
    again = sorted(path[-2] for path in before)
    assert ran == sorted([*"012345", *again, "one", "two"])
    attempts = {path[-2]: node.attempts for path, node in nodes.items() if "run[" in path}
    assert attempts == {index: 2 if index in again else 1 for index in "012345"}
    assert "11 passed, 1 pruned" in done.out


def test_a_job_that_kills_its_daemon_is_lost_and_takes_no_other_with_it(gator: Gator) -> None:
    body = 'if [ "$GATOR_ARRAY_INDEX" = 1 ]; then sleep 0.3; kill -9 $PPID; fi'
    done = start(gator, body).wait().expect(1)
    gator.check_results()
    nodes = gator.nodes()
    outcomes = {path.rpartition("/")[2]: node.outcome for path, node in nodes.items()}
    assert outcomes.pop("run[1]") == common_pb2.OUTCOME_LOST
    assert {outcomes[f"run[{index}]"] for index in (0, 2, 3, 4, 5)} == {common_pb2.OUTCOME_PASSED}
    assert outcomes["last"] == outcomes["end"] == common_pb2.OUTCOME_PRUNED
    assert outcomes["after"] == common_pb2.OUTCOME_PASSED
    assert nodes["top/work/many/run[1]"].attempts == 2
    assert "LOST top/work/many/run[1]: the daemon" in done.out


def test_a_tier_whose_daemon_dies_again_and_again_is_closed_with_all_below_it(gator: Gator) -> None:
    # No job of the tier can start, so none is to blame when its daemon dies.
    run = gator.start("run", gator.spec(HOG), "--placement", "tiers", "-j", "1")
    started(gator, 1, "hog")
    until(lambda: "top/work" in declared(gator), "the tier")
    # The second daemon has the job.
    for daemon in ("t1", "t3"):
        pid = daemon_of(gator, daemon)
        # It listens once it was welcomed.
        until(partial(listens, gator, daemon), f"the address of {daemon}")
        os.kill(pid, signal.SIGKILL)
    (gator.root / "go").touch()
    done = run.wait().expect(1)
    gator.check_results()
    outcomes = {path: node.outcome for path, node in gator.nodes().items()}
    assert {outcome for path, outcome in outcomes.items() if "work" in path} == {common_pb2.OUTCOME_LOST}
    assert len(outcomes) == 9
    assert outcomes["top/hog"] == outcomes["top/rescue"] == common_pb2.OUTCOME_PASSED
    assert "2 passed, 4 lost" in done.out


def test_a_stop_of_a_tier_without_a_daemon_closes_it_from_the_root(gator: Gator) -> None:
    run = gator.start("run", gator.spec(HOG), "--placement", "tiers", "-j", "1")
    started(gator, 1, "hog")
    until(lambda: "top/work" in declared(gator), "the tier")
    daemon = daemon_of(gator, "t1")
    # It cannot obey any more, and is not dead yet.
    os.kill(daemon, signal.SIGSTOP)
    gator("stop", "top/work").expect(0)
    os.kill(daemon, signal.SIGKILL)
    (gator.root / "go").touch()
    run.wait().expect(1)
    gator.check_results()
    outcomes = {path: node.outcome for path, node in gator.nodes().items()}
    assert {outcome for path, outcome in outcomes.items() if "work" in path} == {common_pb2.OUTCOME_CANCELLED}


def test_a_stop_reaches_the_jobs_of_tier_daemons(gator: Gator) -> None:
    run = start(gator, "sleep 60")
    started(gator, 3)
    gator("stop").expect(0)
    run.wait().expect(1)
    gator.check_results()
    outcomes = {path: node.outcome for path, node in gator.nodes().items()}
    assert outcomes["top/work/first"] == common_pb2.OUTCOME_PASSED
    assert outcomes["top/work/many"] == common_pb2.OUTCOME_CANCELLED
    assert {outcomes[f"top/work/many/run[{index}]"] for index in range(6)} == {common_pb2.OUTCOME_CANCELLED}


def test_one_node_in_a_tier_daemon_can_be_stopped(gator: Gator) -> None:
    run = start(gator, f'if [ "$GATOR_ARRAY_INDEX" = 2 ]; then sleep 60; fi; {UNTIL_GO}')
    started(gator, 3)
    gator("stop", "top/work/many/run[2]").expect(0)
    (gator.root / "go").touch()
    run.wait().expect(1)
    gator.check_results()
    nodes = gator.nodes()
    assert nodes["top/work/many/run[2]"].outcome == common_pb2.OUTCOME_CANCELLED
    assert nodes["top/work/many/run[3]"].outcome == common_pb2.OUTCOME_PASSED
    assert nodes["top/work/many"].outcome == common_pb2.OUTCOME_CANCELLED


def test_the_deadline_of_the_run_ends_what_runs_in_tier_daemons(gator: Gator) -> None:
    start(gator, "sleep 60", "--deadline", "3s").wait().expect(1)
    gator.check_results()
    node = gator.nodes()["top/work/many/run[0]"]
    assert node.outcome == common_pb2.OUTCOME_CANCELLED
    assert node.reason == common_pb2.REASON_DEADLINE


def test_a_limit_of_failures_holds_across_tier_daemons(gator: Gator) -> None:
    failing = "if mkdir failed 2> /dev/null; then exit 1; fi; sleep 0.5"
    start(gator, failing, "--max-fail", "1").wait().expect(1)
    gator.check_results()
    nodes = gator.nodes()
    runs = [nodes[f"top/work/many/run[{index}]"] for index in range(6)]
    assert sum(node.outcome == common_pb2.OUTCOME_FAILED for node in runs) == 1
    assert any(node.outcome == common_pb2.OUTCOME_PASSED for node in runs), "what ran may end"
    assert any(node.reason == common_pb2.REASON_MAX_FAIL for node in runs), "nothing new starts"
