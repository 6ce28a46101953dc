"""How the names in on_pass, on_fail and on_done are understood."""

import pytest

from gator.plan import Condition
from gator.v1 import plan_pb2, spec_pb2
from tests.unit.plan.plan_trees import array, edges, group, job, plan, problems


def test_the_tree_of_the_language_page_waits_for_a_job_inside_a_sibling() -> None:
    made = plan(
        group(
            "top",
            group("inner", job("say_hi", "hi")),
            array("counting", 4, job("echo_count", "$GATOR_ARRAY_INDEX"), on_pass=["say_hi"]),
            job("say_bye", "bye", on_pass=["counting"]),
        )
    )
    assert edges(made) == [
        "top/counting on_pass top/inner/say_hi at top",
        "top/say_bye on_pass top/counting at top",
    ]
    assert made.edges_at(made.root) == list(made.edges)
    assert list(made.edges_at(made.nodes["top/inner"])) == []
    assert made.nodes["top/say_bye"].waits == [made.edges[1]]


def test_each_kind_of_condition_is_kept() -> None:
    made = plan(
        group("top", job("a"), job("b"), job("c"), job("d", on_pass=["a"], on_fail=["b"], on_done=["c"]))
    )
    conditions = [edge.condition for edge in made.nodes["top/d"].waits]
    assert conditions == [Condition.ON_PASS, Condition.ON_FAIL, Condition.ON_DONE]


def test_siblings_come_before_what_is_inside_of_them() -> None:
    made = plan(group("top", group("g", job("x")), job("x"), job("w", on_pass=["x"])))
    assert edges(made) == ["top/w on_pass top/x at top"]


def test_what_is_inside_of_siblings_comes_before_the_level_above() -> None:
    made = plan(group("top", job("x"), group("g", group("h", job("x")), job("w", on_pass=["x"]))))
    assert edges(made) == ["top/g/w on_pass top/g/h/x at top/g"]


def test_a_name_is_sought_level_by_level_upwards() -> None:
    made = plan(group("top", group("a", group("b", job("w", on_pass=["x"]))), group("c", job("x"))))
    assert edges(made) == ["top/a/b/w on_pass top/c/x at top"]


def test_the_own_tree_and_the_levels_above_are_left_out() -> None:
    made = plan(group("x", group("g", job("x"), on_pass=["x"]), group("h", group("x"))))
    assert edges(made) == ["x/g on_pass x/h/x at x"]


def test_a_path_says_which_one_is_meant() -> None:
    tree = (group("g", job("x")), group("h", job("x")))
    assert edges(plan(group("top", *tree, job("w", on_pass=["h/x"])))) == ["top/w on_pass top/h/x at top"]


@pytest.mark.parametrize("name", ["/top/g/x", "/g/x", "top/g/x", "g/x", "x"])
def test_longer_and_absolute_paths_mean_the_same(name: str) -> None:
    made = plan(group("top", group("g", job("x")), group("h", job("w", on_pass=[name]))))
    assert edges(made) == ["top/h/w on_pass top/g/x at top"]


def test_a_path_may_begin_with_the_name_of_the_own_group() -> None:
    made = plan(group("top", group("g", job("x"), job("w", on_pass=["g/x"]))))
    assert edges(made) == ["top/g/w on_pass top/g/x at top/g"]


def test_names_inside_of_one_repeat_stay_inside_of_it() -> None:
    lane = group("lane", job("build"), job("sim", on_pass=["build"]))
    made = plan(group("top", array("lanes", 3, lane)))
    assert edges(made) == ["top/lanes/lane/sim on_pass top/lanes/lane/build at top/lanes/lane"]


def test_children_of_one_array_wait_for_all_repeats() -> None:
    made = plan(group("top", array("a", 3, job("build"), job("sim", on_pass=["build"]))))
    assert edges(made) == ["top/a/sim on_pass top/a/build at top/a"]


def test_one_repeat_is_given_in_brackets() -> None:
    made = plan(group("top", array("a", 5, job("x")), job("w", on_pass=["x[3]"])))
    assert edges(made) == ["top/w on_pass top/a/x[3] at top"]


def test_levels_without_a_number_mean_all_repeats() -> None:
    inner = array("b", 4, job("x"))
    made = plan(
        group("top", array("a", 5, inner), job("w", on_pass=["b[2]/x"]), job("v", on_done=["b/x[1]"]))
    )
    assert edges(made) == [
        "top/w on_pass top/a/b/x[2, -1] at top",
        "top/v on_done top/a/b/x[-1, 1] at top",
    ]


def test_a_repeat_given_on_a_shared_level_is_waited_for_across_the_lanes() -> None:
    lane = group("lane", job("build"), job("sim", on_pass=["/top/lanes/lane[0]/build"]))
    made = plan(group("top", array("lanes", 3, lane)))
    assert edges(made) == ["top/lanes/lane/sim on_pass top/lanes/lane/build[0] at top/lanes"]


def test_the_same_dependency_twice_is_one_edge() -> None:
    made = plan(group("top", job("a"), job("b", on_pass=["a", "/top/a"])))
    assert len(made.edges) == 1


def test_order_on_the_root_is_ignored() -> None:
    assert edges(plan(group("top", job("a"), on_pass=["nowhere"]))) == []


def test_waiting_for_a_pass_and_a_failure_is_warned_about() -> None:
    made = plan(group("top", job("a"), job("b", on_pass=["a"], on_fail=["a"])))
    assert [w.message for w in made.warnings] == ["'b' never runs: it waits for 'a' to pass and to fail"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sim1", "unknown node 'sim1': did you mean 'sim'?"),
        ("zzz", "unknown node 'zzz'"),
        ("h/build", "unknown node 'h/build': did you mean '/top/g/build'?"),
        ("x", "'x' is ambiguous: write one of /top/g/x, /top/a/x"),
        ("/build", "unknown node '/build': did you mean '/top/g/build'?"),
        ("w", "'w' waits for itself"),
        ("/top", "'w' waits for 'top', which contains it and so ends after it"),
        ("top", "'w' waits for 'top', which contains it and so ends after it"),
        ("g/", "'g/' is not a path: write it as 'name', 'group/name' or 'name[3]'"),
        ("x[a]", "'x[a]' is not a path: write it as 'name', 'group/name' or 'name[3]'"),
        ("", "'' is not a path: write it as 'name', 'group/name' or 'name[3]'"),
        ("a/x[4]", "'a/x[4]': 'x' has no repeat [4]: the last one is [3]"),
        ("sim[0]", "'sim[0]': 'sim' does not repeat, it is in no array"),
        ("a[1]", "'a[1]': 'a' does not repeat, its jobs do: 'x[1]'"),
        ("never[0]", "'never[0]': 'never' has no repeat [0]: there is none"),
    ],
)
def test_a_wrong_name_is_explained(name: str, message: str) -> None:
    tree = (
        group("g", job("build"), job("x")),
        array("a", 4, job("x")),
        array("none", 0, job("never")),
        job("sim"),
    )
    assert problems(group("top", *tree, job("w", on_pass=[name]))) == [message]


def test_only_the_first_candidates_of_an_ambiguous_name_are_listed() -> None:
    groups = (group(f"g{n}", job("x")) for n in range(9))
    shown = ", ".join(f"/top/g{n}/x" for n in range(5))
    expected = f"'x' is ambiguous: write one of {shown}, …"
    assert problems(group("top", *groups, job("w", on_pass=["x"]))) == [expected]


def test_waiting_for_something_inside_is_explained() -> None:
    spec = group("top", group("g", job("x"), on_pass=["x"]))
    assert problems(spec) == ["'g' waits for 'top/g/x', which it contains and so starts itself"]


def test_all_problems_come_at_once_with_their_positions() -> None:
    def reference(name: str, line: int) -> spec_pb2.Reference:
        reference = spec_pb2.Reference(name=name)
        reference.position.file, reference.position.line, reference.position.column = "s.yaml", line, 7
        return reference

    wrong = job("a")
    wrong.job.order.on_pass.extend([reference("nope", 9), reference("never", 4)])
    with pytest.raises(Exception, match="nope") as caught:
        plan(group("top", wrong, job("b", line=2), job("b", line=5)))
    assert str(caught.value).splitlines() == [
        "s.yaml:4:7: unknown node 'never'",
        "s.yaml:9:7: unknown node 'nope'",
        "spec.yaml:5:0: 'b' is already the name of a sibling (line 2): rename one of them",
    ]


def test_an_empty_request_is_refused() -> None:
    from gator.errors import UsageError
    from gator.plan import make_plan

    with pytest.raises(UsageError, match="the spec is empty"):
        make_plan(plan_pb2.PlanRequest())
