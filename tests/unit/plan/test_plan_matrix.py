"""Combinations of a matrix: their names, numbers, values and seeds."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.node_paths import template_of
from gator.plan import array_index, derive_seed, make_plan, recorded_matrix, sort_key
from gator.plan.matrix import Matrix, make, repeated
from gator.spec import load
from gator.v1 import plan_pb2
from tests.properties import examples

VALUES = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4), unique=True
)
NAMES = ("b", "a", "c")


def plan_of(text: str, **options: object) -> plan_pb2.PlanRequest:
    return plan_pb2.PlanRequest(spec=load(text, file="spec.yaml").spec, seed=7, **options)  # type: ignore[arg-type]


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    axes = draw(st.lists(VALUES.filter(bool), min_size=1, max_size=3))
    names = NAMES[: len(axes)]
    excluded = [
        {
            name: draw(st.sampled_from(values))
            for name, values in zip(names, axes, strict=True)
            if draw(st.booleans())
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    numbered = draw(st.booleans())
    made = make(names, axes, is_rows=False, exclude=[rule for rule in excluded if rule], numbered=numbered)
    if not numbered:
        return made
    counts = st.lists(st.integers(0, 3), min_size=len(made.kept), max_size=len(made.kept))
    return repeated(made, draw(st.one_of(st.lists(st.integers(0, 3), min_size=1, max_size=1), counts)) or [0])


@examples(150)
@given(matrices())
def test_the_name_of_an_instance_is_unique_and_leads_back_to_it(matrix: Matrix) -> None:
    labels = [matrix.label(index) for index in range(matrix.total)]
    assert len(set(labels)) == len(labels)
    for index, label in enumerate(labels):
        found = matrix.find(label)
        assert found is not None
        assert index in found
        assert len(found) == 1
        assert list(matrix.search(label)) == [index]
        assert template_of(f"top/run[{label}]/x") == "top/run/x"
        assert len(label.encode()) <= matrix.max_label_bytes
        assert array_index(f"run[{label}]") == matrix.repeat(index)
        assert index in (matrix.find(matrix.group_label(range(index, index + 1))) or ())


@examples(60)
@given(st.lists(VALUES.filter(bool), min_size=1, max_size=3), st.data())
def test_exclusions_remove_exactly_the_combinations_that_have_all_values(
    axes: list[list[str]], data: st.DataObject
) -> None:
    names = NAMES[: len(axes)]
    rule = {name: data.draw(st.sampled_from(values)) for name, values in zip(names, axes, strict=True)}
    del rule[data.draw(st.sampled_from(names))]
    matrix = make(names, axes, is_rows=False, exclude=[rule] if rule else [], numbered=False)
    every = (dict(zip(names, choice, strict=True)) for choice in product(*axes))
    kept = [values for values in every if not rule or not rule.items() <= values.items()]
    assert [matrix.values(index) for index in range(matrix.total)] == kept


SPEC = """
!JobArray
ident: sims
repeats: 2
matrix: {%s}
jobs:
- !Job
  ident: run
  command: echo
  args: ["${{ matrix.test }}", "${{ matrix.mode }}", "${{ seed }}", "${{ array }}"]
"""


def test_a_seed_does_not_depend_on_the_order_of_keys_values_and_repeats() -> None:
    one = make_plan(plan_of(SPEC % "test: [a, b], mode: [x, y z]"))
    other = make_plan(
        plan_of(SPEC % "mode: [w, y z, x], test: [c, b, a]", scale=3, only=["run[test=b,mode=y%20z]"])
    )
    assert one.seed("sims/run[test=b,mode=y%20z,1]") == other.seed("sims/run[mode=y%20z,test=b,1]")
    assert (
        one.seed("sims/run[test=b,mode=y%20z,1]") == derive_seed(7, "run[mode=y%20z,test=b,1]") == 1034797207
    )
    assert len({one.seed(path) for path in ("sims/run[test=a,mode=x,0]", "sims/run[test=x,mode=a,0]")}) == 2


def test_an_instance_knows_its_values_and_its_place() -> None:
    request = plan_of(SPEC % "test: [a, b], mode: [x, y z]")
    plan = make_plan(request)
    node = plan.nodes["sims/run"]
    path = node.path_below("sims", 7)
    assert path == "sims/run[test=b,mode=y%20z,1]"
    assert list(plan.resolve(node, path).args) == ["b", "y z", str(plan.seed(path)), "1"]
    assert recorded_matrix(request, path) == {"mode": "y z", "test": "b"}
    keys = [sort_key(node, node.path_below("sims", index)) for index in node.indices]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("pattern", "jobs"),
    [
        ("run[test=b]", 4),
        ("run[mode=*,1]", 4),
        ("run[*]", 8),
        ("run[test=a,mode=y%20z,0]", 1),
        ("sims/run[0]", 4),
        ("run[mode=y*]", 4),
    ],
)
def test_patterns_select_instances(pattern: str, jobs: int) -> None:
    assert make_plan(plan_of(SPEC % "test: [a, b], mode: [x, y z]", only=[pattern])).root.jobs == jobs


@pytest.mark.parametrize(("scale", "jobs"), [(0.1, 6), (0.5, 17), (1, 31), (2, 62)])
def test_a_scale_leaves_one_repeat_of_each_combination(scale: float, jobs: int) -> None:
    text = "!JobArray\nident: top\nrepeats: ${{ matrix.n }}\nmatrix: {n: [0, 1, 2, 3, 10, 15]}\n"
    text += "jobs: [!Job {ident: x, command: echo}]\n"
    assert make_plan(plan_of(text, scale=scale)).root.jobs == jobs


@examples(40)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.sampled_from([0, 0.1, 0.5, 2]))
def test_siblings_filters_order_and_scale_never_change_a_seed(counts: list[int], scale: float) -> None:
    def spec(tests: list[str], siblings: int) -> str:
        others = "\n".join(f"- !Job {{ident: other{n}, command: echo}}" for n in range(siblings))
        return (
            f"!JobGroup\nident: top\njobs:\n{others}\n- !JobArray\n  ident: sims\n  repeats: 2\n"
            f"  matrix: {{t: [{', '.join(tests)}], n: [x]}}\n  jobs: [!Job {{ident: run, command: echo}}]\n"
        )

    tests = [f"t{number}" for number in sorted(set(counts))]
    shuffled = list(reversed(tests))
    one = make_plan(plan_of(spec(tests, 0)))
    other = make_plan(plan_of(spec(shuffled, len(counts)), scale=scale, only=[f"run[t={tests[0]}]"]))
    for test in tests:
        path = f"top/sims/run[t={test},n=x,0]"
        assert one.seed(path) == other.seed(path)
