"""Keys that have a type take placeholders, which are filled in before the value is read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.errors import SpecError
from gator.plan import Plan, make_plan
from gator.spec import load
from gator.v1 import plan_pb2

SPEC = """
!JobGroup
ident: top
params: {t: 2s, n: 2, tag: smoke, codes: 3}
timeout: "${{ params.t }}"
retries: {count: "${{ params.n }}", reasons: exit}
max_fail: "${{ params.n }}"
jobs:
- !Job
  ident: one
  command: echo
  tags: ["${{ params.tag }}"]
  resources: [!Cores "${{ params.n }}", !Memory "${{ params.n }}GB", !License ["${{ params.tag }}", 1]]
  expect: {exit: "${{ params.codes }}", metrics: {rate: ">= ${{ params.n }}"}}
- !JobArray
  ident: sims
  params: {limit: "${{ matrix.t }}"}
  matrix: {cores: [1, 4], t: [1s, 10s]}
  timeout: "${{ params.limit }}"
  jobs:
  - !Job
    ident: run
    command: echo
    resources: [!Cores "${{ matrix.cores }}"]
    priority: ${{ matrix.cores }}
  - !JobGroup
    ident: deep
    max_fail: "${{ matrix.cores }}"
    jobs:
    - !Job {ident: inner, command: echo}
"""


def planned(text: str, environment: dict[str, str] | None = None) -> Plan:
    spec = load(text, file="spec.yaml").spec
    return make_plan(plan_pb2.PlanRequest(spec=spec, seed=1, environment=environment or {}))


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        planned(text)
    return [str(problem) for problem in caught.value.problems]


def test_parameters_set_numbers_durations_and_expectations() -> None:
    plan = planned(SPEC)
    job = plan.resolve(plan.nodes["top/one"], "top/one")
    assert (job.settings.timeout_millis, job.settings.retries.count) == (2000, 2)
    assert plan.nodes["top"].max_fail == 2
    assert plan.nodes["top/one"].tags == ("smoke",)
    demand = plan.nodes["top/one"].demand
    assert (demand.cores, demand.memory_bytes, dict(demand.licenses)) == (2, 2 * 10**9, {"smoke": 1})
    assert list(job.expect.exit_codes) == [3]
    assert [contract.text for contract in job.expect.contracts] == [">= 2"]


def test_a_matrix_gives_each_instance_its_own_values() -> None:
    plan = planned(SPEC)
    node = plan.nodes["top/sims/run"]
    path = "top/sims/run[cores=4,t=10s]"
    assert node.resolved_at(path).demand.cores == 4
    assert node.resolved_at(path).weight == 4
    assert plan.resolve(node, path).settings.timeout_millis == 10_000
    assert plan.resolve(node, "top/sims/run[cores=1,t=1s]").settings.timeout_millis == 1000
    assert sorted(each.demand.cores for each in node.resolved_variants()) == [1, 1, 4, 4]


def test_nodes_below_an_instance_inherit_its_values() -> None:
    plan = planned(SPEC)
    inner = plan.nodes["top/sims/deep/inner"]
    path = "top/sims/deep[cores=4,t=1s]"
    assert plan.nodes["top/sims/deep"].resolved_at(path).max_fail == 4
    assert plan.resolve(inner, f"{path}/inner").settings.timeout_millis == 1000


def test_a_node_without_such_keys_is_its_own_values() -> None:
    plan = planned(SPEC)
    assert plan.nodes["top/one"].resolved_at("top/one") is plan.nodes["top/one"]


def test_wrong_values_are_reported_as_literals_are() -> None:
    text = """\
!JobArray
ident: sims
params: {t: soon, n: "null"}
timeout: ${{ params.t }}
matrix: {c: [1, two]}
jobs:
- !Job {ident: run, command: x, resources: [!Cores "${{ matrix.c }}"], nice: "${{ params.n }}"}
- !Job {ident: fix, command: x, silence: "${{ matrix.c }}"}
"""
    assert problems(text) == [
        "spec.yaml:4:10: 'timeout' must be a duration such as 90s, 1h30m or 500ms, not 'soon'",
        "spec.yaml:7:45: 'count' must be a whole number, not 'two'",
        "spec.yaml:7:78: 'nice' must be a whole number, not 'null'",
        "spec.yaml:8:42: 'silence' must be a duration such as 90s, 1h30m or 500ms, not 'two'",
    ]


def test_a_value_that_the_children_of_an_array_inherit_is_checked_with_its_matrix() -> None:
    text = """\
!JobArray
ident: sims
matrix: {t: [1s, soon]}
timeout: ${{ matrix.t }}
jobs: [!Job {ident: run, command: x}]
"""
    assert problems(text) == [
        "spec.yaml:4:10: 'timeout' must be a duration such as 90s, 1h30m or 500ms, not 'soon'"
    ]


def test_names_that_have_no_value_yet_are_refused() -> None:
    text = """\
!JobArray
ident: sims
matrix: {c: [1]}
params: {seed: "${{ seed }}"}
max_fail: ${{ matrix.c }}
jobs:
- !Job {ident: a, command: x, nice: "${{ seed }}"}
- !Job {ident: b, command: x, tags: "${{ matrix.c }}", nice: "${{ params.none }}"}
"""
    found = problems(text)
    assert found == [
        "spec.yaml:5:11: unknown name ${{ matrix.c }}: no array around it has this name in its 'matrix'",
        "spec.yaml:7:42: ${{ seed }} cannot be used in nice: only params, matrix, env and the run can",
        "spec.yaml:8:42: ${{ matrix.c }} cannot be used in tags: only params, env and the run can",
        "spec.yaml:8:63: unknown name ${{ params.none }}: declare it in 'params' of this node "
        "or of one above it",
    ]
    assert problems("!Job {ident: a, command: x, params: {s: '${{ seed }}'}, nice: '${{ params.s }}'}") == [
        "spec.yaml:1:57: nice: ${{ seed }} is not known before a job starts"
    ]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_nothing_is_evaluated_twice(value: str) -> None:
    text = """
!Job
ident: one
command: x
quarantine: {owner: "a ${{ env.V }} $${{ env.V }}", reason: x}
expect: {log: "^${{ env.V }}$"}
"""
    node = planned(text, {"V": value}).nodes["one"]
    assert node.job is not None
    assert node.job.quarantine.owner == f"a {value} ${{{{ env.V }}}}"
    assert re.fullmatch(node.job.expect.log[0].removeprefix("^").removesuffix("$"), value)
