"""Hooks of jobs and groups as users see them, and the file with failures for jobs that wait for one."""

import json
import signal

import pytest

from tests.acceptance.support import Gator, until

SPEC = """\
!JobGroup
ident: top
hooks: {after: 'echo "$GATOR_OUTCOME $GATOR_REASON" > group.txt'}
jobs:
- !Job
  ident: good
  env: {X: 7}
  shell: cat made-${{ slug }}
  hooks:
    before: echo "for $X" > made-${{ slug }}; echo prepared
    passed: echo "yes $GATOR_OUTCOME"
    failed: echo never
    after: echo last; exit 4
- !Job
  ident: bad
  shell: 'echo "error: boom"; exit 3'
  hooks: {passed: echo never, failed: 'echo "$GATOR_OUTCOME $GATOR_REASON"'}
- !Job {ident: refused, shell: echo never, hooks: {before: echo no licence; exit 9, after: echo over}}
- !Job {ident: slow, shell: echo never, hooks: {before: sleep 60, timeout: 200ms}}
- !JobArray
  ident: lanes
  repeats: 2
  jobs:
  - !JobGroup
    ident: lane
    hooks: {before: 'echo lane ${{ array }}; exit ${{ array }}'}
    jobs: [!Job {ident: work, command: "true"}]
- !Job {ident: report, shell: cp $GATOR_FAILURES failures.json, on_fail: bad}
"""


@pytest.mark.parametrize("placement", ["auto", "daemons", "tiers"])
def test_hooks_prepare_and_follow_jobs_and_groups(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(SPEC), "--placement", placement).expect(1)
    rows = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    found = {row["path"].removeprefix("top/"): (row["outcome"], row["reason"]) for row in rows}
    assert found["good"] == ("passed", None)
    assert found["bad"] == ("failed", "exit")
    assert found["refused"] == found["slow"] == found["lanes/lane[1]"] == ("failed", "hook")
    assert found["lanes/lane[1]/work"] == ("pruned", "hook")
    assert found["lanes/lane[0]/work"] == ("passed", None)
    assert (gator.root / "group.txt").read_text() == "failed child\n"

    def lines(path: str) -> list[str]:
        shown = gator("logs", f"top/{path}", "--long", "--json").expect(0).out.splitlines()
        return [f"{line['logger']} {line['text']}" for line in map(json.loads, shown)]

    assert lines("good") == [
        "hooks.before prepared",
        " for 7",
        "hooks.passed yes passed",
        "hooks.after last",
        "gator the hook 'after' exited with code 4: last",
    ]
    assert lines("bad")[-1] == "hooks.failed failed exit"
    assert lines("refused") == ["hooks.before no licence", "hooks.after over"]
    assert lines("lanes/lane[1]") == ["hooks.before lane 1"]
    messages = {row["path"]: row["message"] for row in rows}
    assert messages["top/refused"] == "the hook 'before' exited with code 9: no licence"
    assert "ran longer than 0.2s" in messages["top/slow"]


def test_a_job_that_waits_for_a_failure_gets_a_file_with_the_failures(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    told = json.loads((gator.root / "failures.json").read_text())
    assert told["job"] == "top/report"
    (failure,) = told["failures"]
    assert (failure["path"], failure["reason"]) == ("top/bad", "exit")
    assert failure["first_error"]["text"] == "error: boom"


def test_processes_that_a_hook_leaves_end_with_the_job(gator: Gator) -> None:
    spec = """\
!Job
ident: one
shell: kill -0 $(cat pid)
hooks:
  before: sleep 600 & echo $! > pid
  after: sleep 600 &
"""
    gator("run", gator.spec(spec)).expect(0)
    gator.wait_gone()


def test_a_run_that_is_stopped_runs_the_hooks_after_it(gator: Gator) -> None:
    running = gator.start(
        "run", gator.spec("!Job {ident: one, shell: touch began; sleep 60, hooks: {after: touch done}}")
    )
    until((gator.root / "began").exists, "the job runs")
    running.signal(signal.SIGINT)
    running.wait()
    assert (gator.root / "done").exists()


def test_the_output_of_a_hook_that_kept_a_job_from_starting_is_named(gator: Gator) -> None:
    end = gator("run", gator.spec(SPEC)).expect(1).out
    shown = gator("failures", "refused").expect(0).out
    printed = f"output: gator logs --long top/refused -r {gator.folder}\n"
    assert printed in end
    assert printed in shown
    assert "log:" not in shown
    assert "no licence" in gator("logs", "--long", "top/refused").expect(0).out


def test_no_output_is_named_of_a_job_that_could_not_be_started(gator: Gator) -> None:
    end = gator("run", gator.spec("!Job {ident: absent, command: ./absent}\n")).expect(1).out
    shown = gator("failures").expect(0).out
    assert "log:" not in end + shown
    assert "output:" not in end + shown


def test_an_empty_text_file_is_not_named(gator: Gator) -> None:
    gator("run", gator.spec("!Job {ident: quiet, command: 'false'}\n")).expect(1)
    assert "log:" not in gator("failures").expect(0).out


def test_a_group_whose_hook_failed_is_a_failure_with_a_cause(gator: Gator) -> None:
    text = """
    !JobGroup
    ident: top
    jobs:
    - !JobGroup
      ident: sims
      hooks: {before: "echo cannot bind port; exit 3"}
      jobs: [!Job {ident: sim, command: "true"}]
    - !Job {ident: other, command: "true"}
    """
    ran = gator("run", gator.spec(text)).expect(1)
    message = "the hook 'before' of top/sims exited with code 3: cannot bind port"
    assert f"FAILED top/sims: {message}" in ran.out
    assert "1 failure, 1 cause" in ran.out
    (failure,) = map(json.loads, gator("failures", "--json").expect(0).out.splitlines())
    assert (failure["path"], failure["message"], failure["reason"]) == ("top/sims", message, "hook")
    assert failure["signature"]
    assert "attempt 0" not in gator("show", "sims").expect(0).out
