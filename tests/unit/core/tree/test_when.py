"""Instances that `when` leaves out by a matrix further up."""

import pytest

from gator.errors import SpecError
from gator.spec import load
from gator.testing.world import World
from gator.v1 import common_pb2, plan_pb2

SPEC = """
!JobArray
ident: sims
matrix: {test: [x, y], cover: [true, false]}
jobs:
- !JobGroup
  ident: lane
  jobs:
  - !Job {ident: build, command: build}
  - !Job {ident: cover, command: cover, on_pass: build, when: "${{ matrix.cover }}"}
  - !Job {ident: after, command: after, on_pass: cover}
  - !Job {ident: done, command: done, on_done: cover}
  - !Job {ident: failed, command: failed, on_fail: cover}
  - !JobGroup
    ident: more
    when: "${{ matrix.cover }}"
    jobs:
    - !JobArray
      ident: inner
      matrix: {mode: [a, b]}
      jobs:
      - !Job {ident: job, command: job, when: "${{ matrix.cover }}"}
"""
LANE = "sims/lane[test=x,cover=false]"


def request(text: str = SPEC) -> plan_pb2.PlanRequest:
    return plan_pb2.PlanRequest(spec=load(text, file="spec.yaml").spec, seed=1)


def test_what_is_left_out_counts_as_not_selected_for_what_waits_for_it() -> None:
    world = World(request())
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    outcomes = world.outcomes()
    assert {path.removeprefix(f"{LANE}/"): outcomes[path] for path in outcomes if path.startswith(LANE)} == {
        LANE: "PASSED",
        "build": "PASSED",
        "cover": "PRUNED",
        "after": "PASSED",
        "done": "PASSED",
        "failed": "PRUNED",
        "more": "PRUNED",
        "more/inner": "PRUNED",
        "more/inner/job[mode=a]": "PRUNED",
        "more/inner/job[mode=b]": "PRUNED",
    }
    assert world.results()[f"{LANE}/cover"].reason == common_pb2.REASON_NOT_SELECTED
    assert outcomes["sims/lane[test=x,cover=true]/cover"] == "PASSED"
    assert world.tree.tally.waiting == 0


def test_what_is_left_out_does_not_wait_for_other_nodes() -> None:
    def outcome(path: str, attempt: int) -> common_pb2.Outcome.ValueType:
        return common_pb2.OUTCOME_FAILED if path.endswith("build") else common_pb2.OUTCOME_PASSED

    world = World(request(SPEC.replace("ident: build,", "ident: build, allow_failure: true,")), outcome)
    world.run()
    outcomes = world.outcomes()
    assert outcomes[LANE] == "PASSED"
    assert outcomes[f"{LANE}/after"] == "PASSED"
    assert outcomes["sims/lane[test=x,cover=true]"] == "PRUNED"


def test_own_and_outer_matrices_decide_together() -> None:
    text = """
!JobArray
ident: sims
matrix: {first: [o, n]}
jobs:
- !JobArray
  ident: inner
  params: {answer: "${{ matrix.first }}"}
  matrix: {last: [n, o]}
  exclude: {last: o}
  jobs:
  - !Job {ident: job, command: job, when: "${{ params.answer }}${{ matrix.last }}"}
"""
    with pytest.raises(SpecError, match=r"must be true or false; .* is 'nn'"):
        World(request(text))
    world = World(request(text.replace("[o, n]", "[o]")))
    world.run()
    assert world.outcomes()["sims/inner[first=o]/job[last=n]"] == "PASSED"
