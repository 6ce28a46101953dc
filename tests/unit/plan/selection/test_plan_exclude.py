"""`exclude` leaves out combinations of a matrix whose values may come from a parameter."""

import pytest

from gator.errors import SpecError
from gator.plan import Plan, make_plan
from gator.spec import load
from gator.v1 import plan_pb2

SPEC = """
!JobGroup
ident: top
params:
  modes: MODES
jobs:
- !JobArray
  ident: sims
  matrix: {mode: "${{ params.modes }}", cap: [16, 33]}
  exclude: [{mode: slow, cap: CAP}]
  jobs:
  - !Job {ident: run, command: echo, args: ["${{ matrix.mode }}", "${{ matrix.cap }}"]}
"""


def plan(modes: str, cap: str) -> Plan:
    spec = load(SPEC.replace("MODES", modes).replace("CAP", cap), file="spec.yaml").spec
    return make_plan(plan_pb2.PlanRequest(spec=spec, seed=1))


def test_a_value_that_a_parameter_leaves_out_may_be_excluded() -> None:
    assert plan("[fast, slow]", "33").nodes["top/sims/run"].instances == 3
    assert plan("[fast]", "33").nodes["top/sims/run"].instances == 2


def test_a_wrong_value_to_exclude_is_the_only_problem() -> None:
    with pytest.raises(SpecError) as raised:
        plan("[fast, slow]", "34")
    assert [problem.message for problem in raised.value.problems] == [
        "exclude: '34' is not a value of 'cap': did you mean '33'?"
    ]
