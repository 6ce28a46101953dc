"""A run whose root died is closed by its first reader, and is shown the same before and after."""

import json
import signal

import pytest

from gator.daemon.recovery import ensure_closed
from gator.run_folder import RunFolder
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, until

STARTED, FINISHED = attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED
RESULT = attach_pb2.EVENT_KIND_RESULT
PASSED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_LOST
SPEC = """\
!JobGroup
  ident: top
  jobs:
  - !JobGroup
      ident: done
      jobs:
      - !Job {ident: first, command: echo, args: [first]}
  - !JobArray
      ident: many
      repeats: 2
      jobs:
      - !Job {ident: work, shell: 'echo begun; exec sleep 60.7'}
  - !Job {ident: last, on_done: [many], command: echo, args: [last]}
"""
PLACEMENTS = ("inline", "daemons", "tiers")


def _dead_run(gator: Gator, placement: str) -> RunFolder:
    """A run that was killed when one job had ended, two ran and one waited."""
    run = gator.start("run", gator.spec(SPEC), "-j", 4, "--placement", placement)
    until(lambda: (gator.folder / "stores" / "root.db").exists(), "a store")
    until(lambda: len(gator.events(STARTED)) == 3 and gator.events(FINISHED), "two running jobs")
    until(lambda: len(gator.jobs("60.7")) == 2, "two sleeping jobs")
    until(lambda: gator.output("top/many/work[0]"), "what a job wrote")
    run.kill()
    return RunFolder(gator.folder)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_what_is_computed_for_a_dead_run_is_what_is_written(gator: Gator, placement: str) -> None:
    folder = _dead_run(gator, placement)
    gator.wait_gone()
    computed = gator.nodes()
    assert not (folder.stores / "closing.db").exists()
    assert ensure_closed(folder)
    assert gator.nodes() == computed
    gator.check_results()
    outcomes = {path: node.outcome for path, node in computed.items()}
    assert outcomes == {
        "top": LOST,
        "top/done": PASSED,
        "top/done/first": PASSED,
        "top/many": LOST,
        "top/many/work[0]": LOST,
        "top/many/work[1]": LOST,
    }
    assert computed["top"].tally.waiting == 1
    assert computed["top"].reason == common_pb2.REASON_RUN_DIED
    assert computed["top/many/work[0]"].reason == common_pb2.REASON_RUN_DIED
    assert gator.output("top/many/work[0]") == b"begun\n"


def test_readers_say_that_a_run_died_and_how_to_run_the_rest(gator: Gator) -> None:
    _dead_run(gator, "inline")
    gator.wait_gone()
    run = json.loads(gator("status", "--json").expect(0).out)["run"]["id"]
    died = f"the run died before it ended; 1 job never started: gator run --skip @passed --repeat {run} "
    assert died in gator("status").expect(0).out
    assert died in gator("failures").expect(0).out


def test_a_job_that_was_lost_with_its_run_shows_the_first_error_that_it_reported(gator: Gator) -> None:
    text = "!Job {ident: top, shell: 'echo \"m.c:3:5: error: broken\"; echo; exec sleep 60.7'}"
    run = gator.start("run", gator.spec(text))
    until(lambda: (gator.folder / "stores" / "root.db").exists(), "a store")
    until(lambda: gator.events(attach_pb2.EVENT_KIND_LOG), "the message of the job")
    run.kill()
    gator.wait_gone()
    assert "m.c:3:5: error: broken" in gator("failures").out
    assert gator.nodes()["top"].first_error.parser == "gcc"


def test_a_second_opener_changes_nothing(gator: Gator) -> None:
    folder = _dead_run(gator, "daemons")
    gator("status").expect(0)
    before = {path: path.read_bytes() for path in folder.stores.iterdir()}
    assert sorted(path.name for path in before) == ["closing.db", "root.db", "w1.db", "w2.db"]
    assert not ensure_closed(folder)
    assert json.loads(gator("close", "--json").expect(0).out)["closed"] is False
    gator("tree").expect(0)
    assert {path: path.read_bytes() for path in folder.stores.iterdir()} == before


def test_an_attempt_that_finished_keeps_its_outcome_though_the_root_never_heard_of_it(gator: Gator) -> None:
    gate = gator.root / "go"
    waits = f"until test -e {gate}; do sleep 0.02; done; echo through; exit 3"
    spec = gator.spec(f"!JobGroup {{ident: top, jobs: [!Job {{ident: one, shell: '{waits}'}}]}}\n")
    run = gator.start("run", spec, "--placement", "daemons")
    until(lambda: (gator.folder / "stores" / "root.db").exists(), "a store")
    until(lambda: gator.events(STARTED), "the start")
    run.signal(signal.SIGSTOP)
    gate.touch()
    until(lambda: gator.events(FINISHED), "the end of the attempt")
    run.kill()
    assert not gator.events(RESULT)
    assert ensure_closed(RunFolder(gator.folder))
    gator.check_results()
    nodes = gator.nodes()
    assert nodes["top/one"].outcome == nodes["top"].outcome == common_pb2.OUTCOME_FAILED
    assert nodes["top/one"].reason == common_pb2.REASON_EXIT
    assert nodes["top"].reason == common_pb2.REASON_CHILD
    assert "code 3" in nodes["top/one"].message


def test_a_run_of_another_host_is_closed_only_by_force(gator: Gator) -> None:
    folder = _dead_run(gator, "inline")
    gator.wait_gone()
    owner = json.loads(folder.lock_file.read_text())
    folder.lock_file.write_text(json.dumps({**owner, "host": "elsewhere"}))
    assert not ensure_closed(folder)
    refused = gator("close").expect(2)
    assert "elsewhere" in refused.err
    assert "--force" in refused.err
    assert not (folder.stores / "closing.db").exists()
    gator("close", "--force").expect(0)
    gator.check_results()


def test_a_live_run_is_never_closed(gator: Gator) -> None:
    run = gator.start("run", gator.spec("!Job {ident: one, command: sleep, args: [60]}\n"))
    until(lambda: (gator.folder / "control").exists(), "a run that listens")
    assert not ensure_closed(RunFolder(gator.folder))
    assert "gator stop" in gator("close").expect(2).err
    run.signal(signal.SIGINT)
    run.wait().expect(130)


def test_the_next_run_in_the_folder_kills_what_a_blow_to_all_of_gator_left_alive(gator: Gator) -> None:
    run = gator.start("run", gator.spec(SPEC), "-j", 4, "--placement", "daemons")
    until(lambda: len(gator.jobs("60.7")) == 2, "two sleeping jobs")
    dead = gator.folder
    ours = [one for one in gator.processes() if not one.command.startswith("sleep")]
    for one in ours:
        one.kill(signal.SIGSTOP)
    for one in ours:
        one.kill()
    run.wait()
    until(lambda: len(gator.processes()) == 2, "jobs without an owner")
    assert len(gator.jobs("60.7")) == 2
    gator("run", gator.spec("!Job {ident: next, command: echo}\n", "next.yaml")).expect(0)
    assert not gator.processes()
    gator.check_results(dead)
    assert gator.nodes(dead)["top"].outcome == LOST
