"""A run can take up what the last one of its name left: what failed, or all that did not pass."""

import shlex
import signal

from gator.v1 import common_pb2
from tests.acceptance.support import Gator, until

PASSED = common_pb2.OUTCOME_PASSED
SPEC = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: build, command: "true"}
  - !JobArray
      ident: tests
      on_pass: build
      repeats: 4
      jobs:
      - !Job {ident: t, shell: "[ -e go ] || [ $GATOR_ARRAY_INDEX -lt 2 ] || sleep 60.7"}
  - !JobArray
      ident: pairs
      on_pass: build
      repeats: 2
      jobs:
      - !JobGroup
          ident: p
          jobs:
          - !Job {ident: x, command: "true"}
          - !Job {ident: y, on_pass: x, shell: "[ -e go ] || [ $GATOR_ARRAY_INDEX -eq 0 ] || sleep 60.7"}
  - !Job {ident: bad, shell: "[ -e go ]"}
  - !Job {ident: report, on_done: [tests, bad], command: "true"}
"""


def stopped(gator: Gator, *args: str) -> None:
    """Run until three jobs sleep and all others that can have ended, and stop it."""
    run = gator.start("run", gator.spec(SPEC), "-j", 9, *args)
    until(lambda: len(gator.jobs("60.7")) == 3, "the jobs that sleep")
    until(lambda: "top/bad" in gator.nodes() and gator.nodes()["top/bad"].outcome, "the job that fails")
    until(lambda: gator.nodes()["top/pairs/p[0]"].outcome == PASSED, "the pair that passes")
    run.signal(signal.SIGINT)
    run.wait().expect(130)


def jobs(gator: Gator) -> list[str]:
    return [path for path, node in gator.nodes().items() if node.kind == common_pb2.NODE_KIND_JOB]


REST = [
    "top/bad",
    "top/pairs/p[1]/x",
    "top/pairs/p[1]/y",
    "top/report",
    "top/tests/t[2]",
    "top/tests/t[3]",
]


def test_after_a_stop_all_but_what_passed_can_be_run(gator: Gator) -> None:
    stopped(gator)
    (gator.root / "go").touch()
    gator("run", "--skip", "@passed", "spec.yaml").expect(0)
    # Of a repeat of a group either all is run or nothing.
    assert sorted(jobs(gator)) == REST
    assert "nothing is left to run" in gator("run", "--skip", "@passed", "spec.yaml").expect(2).err


def test_what_passed_before_a_second_stop_is_not_run_a_third_time(gator: Gator) -> None:
    stopped(gator)
    run = gator.start("run", "--skip", "@passed", "spec.yaml", "-j", 9)
    until(lambda: len(gator.jobs("60.7")) == 3, "the jobs that sleep")
    run.signal(signal.SIGINT)
    run.wait().expect(130)
    (gator.root / "go").touch()
    gator("run", "--skip", "@passed", "spec.yaml").expect(0)
    assert sorted(jobs(gator)) == REST


def test_what_failed_is_run_again_without_what_was_cancelled(gator: Gator) -> None:
    stopped(gator)
    (gator.root / "go").touch()
    gator("run", "--only", "@failed", "spec.yaml").expect(0)
    assert jobs(gator) == ["top/bad"]
    assert "nothing failed in the last run of top" in gator("run", "--only", "@failed", "spec.yaml").err


def test_a_spec_that_never_ran_has_no_last_run(gator: Gator) -> None:
    name = gator.spec(SPEC)
    for args in (("--only", "@failed"), ("--skip", "@passed")):
        done = gator("run", *args, name).expect(2)
        assert f"{' '.join(args)}: no run of top in" in done.err


BROKEN = """\
!JobGroup
ident: top
jobs:
- !Job {ident: build, shell: "[ -e mended ]"}
- !JobArray {ident: ring, on_pass: build, repeats: 3, jobs: [!Job {ident: r, command: "true"}]}
- !Job {ident: report, on_pass: ring, command: "true"}
- !Job {ident: clean, on_fail: build, command: "true"}
"""


def test_jobs_that_a_broken_build_pruned_are_not_forgotten_when_it_is_mended(gator: Gator) -> None:
    gator("run", gator.spec(BROKEN)).expect(1)
    broken = gator("failures").expect(0).out
    assert "4 jobs were pruned: gator tree --outcome pruned" in broken
    assert "  3 jobs: waits for top/build to pass, which failed" in broken
    assert "were pruned" not in gator("failures", "--new").expect(0).out
    (gator.root / "mended").touch()
    rerun = gator("run", "--only", "@failed", "spec.yaml").expect(0)
    assert "gator: 4 jobs were pruned in run " in rerun.err
    said = gator("failures").expect(0).out
    assert "nothing failed" in said
    assert "and have not run since" in said
    assert "F  0 of 1 passed" in gator("trend", "top").expect(0).out, "not all of it ran"
    assert ".  1 of 1 passed" in gator("trend", "top/build").expect(0).out
    rest = said.split("not run since: ")[1].splitlines()[0]
    gator(*shlex.split(rest)[1:]).expect(0)
    assert sorted(jobs(gator)) == ["top/report", *(f"top/ring/r[{index}]" for index in range(3))]
    assert "were pruned" not in gator("failures").expect(0).out
    assert ".  1 of 1 passed" in gator("trend", "top").expect(0).out


def test_a_comparison_counts_the_jobs_that_a_broken_build_pruned(gator: Gator) -> None:
    (gator.root / "mended").touch()
    gator("run", gator.spec(BROKEN)).expect(0)
    (gator.root / "mended").unlink()
    gator("run", "spec.yaml").expect(1)
    said = gator("diff").expect(1).out
    assert "pruned:\n  4 jobs: passed → pruned" in said
    assert "ring" not in said


CONTRACT = r"""
!JobGroup
ident: top
jobs:
- !Job {ident: other, command: "true"}
- !JobArray
  ident: sims
  matrix: {v: [10, 20, 1000]}
  metrics: {latency: {match: 'latency (\S+)', kind: mean}}
  expect: {metrics: {latency: '<= 100'}}
  jobs: [!Job {ident: sim, shell: "[ -e mended ] && echo latency 1 || echo latency ${{ matrix.v }}"}]
"""


def test_a_group_whose_contract_is_broken_is_among_what_failed(gator: Gator) -> None:
    failed = gator("run", gator.spec(CONTRACT)).expect(1)
    assert ": 4 passed, 1 group failed" in failed.out
    sims = [f"top/sims/sim[v={value}]" for value in (10, 20, 1000)]
    for args in (("--only", "@failed"), ("--skip", "@passed")):
        gator("run", *args, "spec.yaml").expect(1)
        assert jobs(gator) == sims
        assert "failed top/sims: the metric latency" in gator("failures").expect(0).out
    (gator.root / "mended").touch()
    gator("run", "--only", "@failed", "spec.yaml").expect(0)
    assert jobs(gator) == sims
    assert "nothing failed" in gator("failures").expect(0).out
    again = gator("run", "--only", "@failed", "spec.yaml").expect(2)
    assert "nothing failed in the last run of top" in again.err


def test_a_part_of_a_group_is_not_held_to_the_contract_of_the_group(gator: Gator) -> None:
    gator("run", gator.spec(CONTRACT.replace("<= 100", "<= 400"))).expect(0)
    done = gator("run", "--only", "sim[v=1000]", "spec.yaml").expect(0)
    assert "the contracts of top/sims are not compared: only a part of its jobs runs" in done.out + done.err
    assert "not compared with <= 400: only a part" in gator("show", "top/sims").expect(0).out
    # Skipping what is not below it leaves the group whole.
    gator.spec(CONTRACT)
    gator("run", "--skip", "other", "spec.yaml").expect(1)
