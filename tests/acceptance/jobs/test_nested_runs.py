"""`gator run` inside a job is a run of its own."""

import sys

from gator.run_folder import RunFolder
from gator.store import RunStores
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, until

INNER = """\
!JobGroup
  ident: inner
  jobs:
  - !Job {ident: good, command: "true"}
  - !Job {ident: bad, shell: "exit 1", allow_failure: true}
"""
OUTER = """\
!JobGroup
  ident: outer
  jobs:
  - !Job
      ident: around
      resources: [!Cores [2]]
      shell: |
        {command}
"""
GATOR = f"{sys.executable} -m gator"


def outer(gator: Gator, command: str) -> str:
    gator.spec(INNER, "inner.yaml")
    return gator.spec(OUTER.format(command=command))


def test_a_run_inside_a_job_is_a_run_of_its_own_that_knows_where_it_ran(gator: Gator) -> None:
    command = f"{GATOR} run inner.yaml --quiet"
    gator("run", outer(gator, command), "-j", "3", "--placement", "daemons").expect(0)
    # Both use the default folder, so the newest is the nested one.
    folders = sorted(path for path in (gator.root / "tracking").iterdir() if not path.is_symlink())
    by_name = {path.name.rpartition("-")[2]: path for path in folders}
    assert set(by_name) == {"inner", "outer"}
    with RunStores.open(by_name["inner"]) as run:
        assert run.root.description.run.inside == str(by_name["outer"])
        assert run.root.description.run.inside_path == "outer/around"
        # It may use what the job around it was given.
        assert run.root.description.pools.cores == 2
    with RunStores.open(by_name["outer"]) as run:
        assert run.root.description.run.inside == ""
        assert run.root.description.pools.cores == 3
    assert set(gator.nodes(by_name["outer"])) == {"outer", "outer/around"}
    assert set(gator.nodes(by_name["inner"])) == {"inner", "inner/good", "inner/bad"}
    assert not gator.events(attach_pb2.EVENT_KIND_METRIC, folder=by_name["outer"])


def test_a_nested_run_takes_the_cores_it_is_told(gator: Gator) -> None:
    command = f"{GATOR} run inner.yaml -j 5 --tracking inside --quiet"
    gator("run", outer(gator, command), "-j", "2").expect(0)
    with RunStores.open(gator.root / "inside") as run:
        assert run.root.description.pools.cores == 5


def test_a_nested_run_reports_to_the_job_around_it_when_told(gator: Gator) -> None:
    command = f'{GATOR} run inner.yaml --quiet --tracking inside --parent "$GATOR_PARENT"'
    for placement in ("daemons", "tiers"):
        gator("run", outer(gator, command), "-j", "2", "--placement", placement).expect(0)
        metrics = [event.metric for event in gator.events(attach_pb2.EVENT_KIND_METRIC)]
        assert {metric.name: metric.value for metric in metrics} == {
            "inner.passed": 1,
            "inner.failed": 1,
            "inner.pruned": 0,
            "inner.cancelled": 0,
            "inner.lost": 0,
        }
        (log,) = [event.log for event in gator.events(attach_pb2.EVENT_KIND_LOG) if event.path]
        assert log.text.startswith("run inner: ")
        assert log.severity == common_pb2.SEVERITY_INFO
        (gator.root / "inside").rename(gator.root / f"inside-{placement}")


def test_a_failed_nested_run_is_an_error_of_the_job_around_it(gator: Gator) -> None:
    command = f'{GATOR} run inner.yaml --quiet --tracking inside --parent "$GATOR_PARENT" || true'
    spec = outer(gator, command)
    gator.spec(INNER.replace(", allow_failure: true", ""), "inner.yaml")
    done = gator("run", spec, "-j", "2").expect(1)
    assert "run inner: 1 of 2 jobs failed, the first was inner/bad" in done.out
    assert gator.nodes()["outer/around"].outcome == common_pb2.OUTCOME_FAILED


def test_the_stop_of_the_outer_run_ends_the_nested_one_with_its_jobs(gator: Gator) -> None:
    inner = "!JobGroup\n  ident: inner\n  jobs:\n  - !Job {ident: long, command: sleep, args: ['61.7']}\n"
    spec = outer(gator, f"{GATOR} run inner.yaml --tracking inside --placement daemons")
    gator.spec(inner, "inner.yaml")
    run = gator.start("run", spec, "-j", "2", "--placement", "daemons")
    until(lambda: gator.jobs("61.7"), "the nested job")
    gator("stop", "-r", str(gator.folder)).expect(0)
    run.wait().expect(1)
    assert gator.nodes()["outer/around"].outcome == common_pb2.OUTCOME_CANCELLED
    gator.check_results()
    # The nested run was told to stop, had its grace to write its Results, and nothing in it passed.
    gator.check_results(gator.root / "inside")
    outcomes = {node.outcome for node in gator.nodes(gator.root / "inside").values()}
    assert common_pb2.OUTCOME_PASSED not in outcomes
    gator.wait_gone()


def test_killing_the_outer_run_leaves_nothing_of_the_nested_one(gator: Gator) -> None:
    inner = "!JobGroup\n  ident: inner\n  jobs:\n  - !Job {ident: long, command: sleep, args: ['61.8']}\n"
    spec = outer(gator, f"{GATOR} run inner.yaml --tracking inside --placement daemons")
    gator.spec(inner, "inner.yaml")
    run = gator.start("run", spec, "-j", "2", "--placement", "daemons")
    until(lambda: gator.jobs("61.8"), "the nested job")
    run.kill()
    gator.wait_gone()
    assert not RunFolder(gator.root / "inside").is_live()
