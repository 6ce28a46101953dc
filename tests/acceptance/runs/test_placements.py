"""The same spec leaves the same record, wherever its nodes live."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gator.daemon.recovery import ensure_closed
from gator.run_folder import RunFolder
from gator.testing.canonical import NodeRecord, canonical
from tests.acceptance.support import Gator, until

EXAMPLES = Path(__file__).parents[3] / "examples"
PLACEMENTS = ("inline", "daemons", "tiers", "auto")
KNOTTY = """\
!JobGroup
  ident: top
  jobs:
  - !JobArray
      ident: lanes
      repeats: 3
      jobs:
      - !JobGroup
          ident: lane
          jobs:
          - !Job {ident: make, shell: 'echo "$GATOR_PATH $GATOR_SEED"; test "$GATOR_ARRAY_INDEX" != 1'}
          - !Job {ident: use, on_pass: [make], command: echo, args: ["$GATOR_ARRAY_INDEX"]}
          - !Job {ident: rescue, on_fail: [make], command: echo, args: [rescued]}
  - !JobGroup
      ident: last
      on_done: [lanes]
      jobs:
      - !Job {ident: after_rescue, on_fail: ["lanes"], command: "true"}
      - !Job {ident: after_success, on_pass: ["lanes"], command: "true"}
      - !JobGroup
          ident: deep
          jobs:
          - !Job {ident: by_path, on_done: [after_rescue], shell: 'echo o; echo e >&2', limits: {error: 1}}
          - !Job {ident: slow, timeout: 200ms, grace: 100ms, allow_failure: true, command: sleep, args: [60]}
  - !JobGroup
      ident: empty
      jobs: []
  - !Job {ident: absent, allow_failure: true, command: no-such-program-here}
"""


def _run(spec: Path, placement: str, folder: Path, *options: str) -> dict[str, NodeRecord]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATOR_")}
    command = [sys.executable, "-m", "gator", "run", str(spec), "--seed", "7", "-j", "4", "--quiet"]
    command += ["--placement", placement, "--tracking", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert done.stderr == ""
    return canonical(folder)


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_an_example_leaves_the_same_record_in_every_placement(name: str, tmp_path: Path) -> None:
    records = [_run(EXAMPLES / f"{name}.yaml", where, tmp_path / where) for where in PLACEMENTS]
    assert records[0]
    assert all(record == records[0] for record in records)


def test_a_tree_full_of_dependencies_leaves_the_same_record_in_every_placement(tmp_path: Path) -> None:
    spec = tmp_path / "knotty.yaml"
    spec.write_text(KNOTTY)
    records = [_run(spec, where, tmp_path / where) for where in PLACEMENTS]
    assert records[0]["top/lanes/lane[1]/rescue"].steps[-1][2] == "OUTCOME_PASSED"
    assert records[0]["top/last/after_success"].steps[-1][2] == "OUTCOME_PRUNED"
    assert all(record == records[0] for record in records)


def test_a_selection_and_seeds_are_the_same_plan_in_every_placement(tmp_path: Path) -> None:
    spec = tmp_path / "knotty.yaml"
    spec.write_text(KNOTTY)
    options = ["--only", "**/use", "--only", "by_path", "--skip", "lanes/lane[0]"]
    options += ["--seed", "top/lanes/lane[2]/make=99", "--limit-error", "5"]
    records = [_run(spec, where, tmp_path / where, *options) for where in PLACEMENTS]
    assert "top/lanes/lane[2]/use" in records[0]
    assert "top/lanes/lane[0]" not in records[0]
    assert b" 99\n" in records[0]["top/lanes/lane[2]/make"].output[1, "STREAM_STDOUT"]
    assert all(record == records[0] for record in records)


def test_a_record_says_what_happened_and_not_when_or_where(tmp_path: Path) -> None:
    record = _run(EXAMPLES / "python_client.yaml", "daemons", tmp_path / "run")["report"]
    assert [step[0] for step in record.steps] == ["declared", "started", "attempt_finished", "result"]
    assert {log.text for log in record.logs[1, "STREAM_UNSPECIFIED"]} == {
        "starting",
        "step size reduced to 0.5",
    }
    assert [metric.value for metric in record.metrics[1]] == [1000, 2000, 3000, 87.5]


EARLY_AND_LATE = """\
!JobGroup
ident: top
jobs:
- !JobGroup
  ident: g
  jobs:
  - !Job {ident: allowed, allow_failure: true, shell: "echo ALLOWED >&2; exit 1"}
  - !Job {ident: early, shell: "sleep 0.2; echo EARLY >&2; exit 1"}
  - !Job {ident: long, on_fail: early, shell: "until [ -e late ]; do sleep 0.05; done; sleep 0.5"}
- !Job {ident: late, on_done: g/early, shell: "touch late; echo LATE >&2; exit 1"}
"""


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_first_failure_is_the_earliest_though_its_group_ends_later(gator: Gator, placement: str) -> None:
    done = gator("run", gator.spec(EARLY_AND_LATE), "--placement", placement, "-j", 4).expect(1)
    assert "the first was top/g/early" in done.out
    root = gator.nodes()["top"]
    assert root.first_failure == "top/g/early"
    assert (root.first_error.text, root.first_error.path) == ("EARLY", "top/g/early")
    assert root.first_failure_unix_nanos == gator.nodes()["top/g/early"].first_failure_unix_nanos
    late = gator.nodes()["top/late"]
    assert late.ended_unix_nanos < gator.nodes()["top/g"].ended_unix_nanos


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_first_failure_of_a_dead_run_is_the_earliest(gator: Gator, placement: str) -> None:
    text = EARLY_AND_LATE.replace("sleep 0.5", "sleep 60.7")
    run = gator.start("run", gator.spec(text), "--placement", placement, "-j", 4)
    until(lambda: (gator.root / "late").exists(), "the later job")
    until(lambda: "top/late" in gator.nodes() and gator.nodes()["top/late"].outcome, "the later failure")
    run.kill()
    gator.wait_gone()
    root = gator.nodes()["top"]
    assert (root.first_failure, root.first_error.text) == ("top/g/early", "EARLY")
    ensure_closed(RunFolder(gator.folder))
    assert gator.nodes()["top"] == root
