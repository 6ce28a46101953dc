"""`when` leaves out nodes, or instances of a matrix."""

import pytest

from gator.errors import SpecError, UsageError
from gator.plan import Plan, make_plan
from gator.spec import load
from gator.v1 import plan_pb2

SPEC = """
!JobGroup
ident: top
params: {slow: false}
jobs:
- !Job {ident: never, when: no, command: echo}
- !Job {ident: slow, when: "${{ params.slow }}", command: echo}
- !Job {ident: after, on_pass: [slow, never], command: echo}
- !JobArray
  ident: sims
  repeats: 2
  matrix: {test: [x, y], ok: [true, false]}
  jobs:
  - !Job {ident: some, command: echo, when: "${{ matrix.ok }}"}
"""


def plan(text: str, **options: list[str]) -> Plan:
    spec = load(text, file="spec.yaml").spec
    return make_plan(plan_pb2.PlanRequest(spec=spec, seed=1, **options))  # type: ignore[arg-type]


def test_a_node_that_is_left_out_counts_as_not_selected() -> None:
    made = plan(SPEC)
    assert list(made.nodes) == ["top", "top/after", "top/sims", "top/sims/some"]
    assert all(edge.unselected for edge in made.nodes["top/after"].waits)


def test_a_matrix_leaves_out_instances() -> None:
    node = plan(SPEC).nodes["top/sims/some"]
    assert [node.label(index) for index in node.indices] == [
        "test=x,ok=true,0",
        "test=x,ok=true,1",
        "test=y,ok=true,0",
        "test=y,ok=true,1",
    ]
    assert plan(SPEC, only=["some[test=x]"]).nodes["top/sims/some"].indices == (0, 1)


def test_a_parameter_selects_a_node() -> None:
    assert "top/slow" in plan(SPEC.replace("slow: false", "slow: true")).nodes


def test_what_is_left_out_cannot_be_asked_for() -> None:
    with pytest.raises(UsageError, match="`when` or --skip excludes everything"):
        plan(SPEC, only=["never"])


def test_a_group_without_what_when_leaves_out_is_whole() -> None:
    partial = {
        only: [node.template for node in plan(SPEC, only=[only]).nodes.values() if node.is_partial]
        for only in ("top", "some", "some[test=x]")
    }
    assert partial == {"top": [], "some": ["top"], "some[test=x]": ["top", "top/sims"]}


DEEP = """
!JobArray
ident: sims
matrix: {test: [x, y], ok: [true, false]}
jobs:
- !JobGroup
  ident: lane
  jobs:
  - !Job {ident: some, command: echo, when: "${{ matrix.ok }}"}
"""


def test_a_matrix_further_up_decides_for_each_instance() -> None:
    node = plan(DEEP).nodes["sims/lane/some"]
    assert node.condition is not None
    assert node.condition.selects("sims/lane[test=x,ok=true]/some")
    assert not node.condition.selects("sims/lane[test=y,ok=false]/some")


def test_a_matrix_further_up_must_give_true_or_false() -> None:
    with pytest.raises(SpecError) as caught:
        plan(DEEP.replace("[true, false]", "[true, maybe]"))
    assert [str(problem) for problem in caught.value.problems] == [
        "spec.yaml:9:5: 'when' must be true or false; ${{ matrix.ok }} is 'maybe'"
    ]
