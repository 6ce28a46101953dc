"""What --only, --skip and --tag leave of a plan."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.errors import UsageError
from gator.plan import Plan
from gator.v1 import spec_pb2
from tests.unit.plan.plan_trees import array, edges, group, job, plan

TREE = group(
    "top",
    job("prep", settings=spec_pb2.Settings(tags=["early"])),
    group("build", job("cc", on_pass=["prep"]), job("ld", on_pass=["cc"])),
    array("sims", 10, job("run", on_pass=["build"], settings=spec_pb2.Settings(tags=["slow"]))),
    job("report", on_done=["sims"]),
    job("mourn", on_fail=["sims"]),
)


def jobs(made: Plan) -> dict[str, Sequence[int]]:
    """The selected jobs by path below the root, with their repeats as a list."""
    return {n.template.removeprefix("top/"): list(n.indices) for n in made.nodes.values() if n.job}


def test_everything_is_selected_when_nothing_is_said() -> None:
    made = plan(TREE)
    assert made.root.jobs == 15
    assert not any(edge.unselected for edge in made.edges)


def test_only_pulls_in_what_is_waited_for_and_nothing_else() -> None:
    assert list(jobs(plan(TREE, only=["ld"]))) == ["prep", "build/cc", "build/ld"]


def test_waiting_for_a_group_needs_all_of_it() -> None:
    assert list(jobs(plan(TREE, only=["run"]))) == ["prep", "build/cc", "build/ld", "sims/run"]


def test_a_child_pulls_in_what_the_group_above_waits_for() -> None:
    spec = group("top", job("a"), job("z"), group("g", job("x"), job("y"), on_pass=["a"]))
    assert list(jobs(plan(spec, only=["x"]))) == ["a", "g/x"]


def test_a_group_brings_everything_below_it() -> None:
    assert list(jobs(plan(TREE, only=["build"]))) == ["prep", "build/cc", "build/ld"]


def test_selected_nodes_keep_their_number_in_the_whole_tree() -> None:
    assert plan(TREE, only=["report"], skip=["prep"]).nodes["top/report"].order == 7


def test_single_repeats_are_picked() -> None:
    made = plan(TREE, only=["run[7]", "run.3"])
    assert jobs(made)["sims/run"] == [3, 7]
    assert made.nodes["top/sims/run"].repeats == 10
    assert made.nodes["top/sims"].jobs == 2


def test_repeats_of_lanes_are_picked_with_what_they_wait_for() -> None:
    lane = group("lane", job("build"), job("sim", on_pass=["build"]), job("other"))
    made = plan(group("top", array("lanes", 4, lane)), only=["lane[2]/sim"])
    assert list(made.nodes["top/lanes/lane"].indices) == [2]
    assert list(jobs(made)) == ["lanes/lane/build", "lanes/lane/sim"]
    assert made.root.jobs == 2


def test_all_repeats_of_a_sibling_in_the_array_are_pulled_in() -> None:
    made = plan(group("top", array("a", 3, job("build"), job("sim", on_pass=["build"]))), only=["sim[1]"])
    assert jobs(made) == {"a/build": [0, 1, 2], "a/sim": [1]}


def test_waiting_for_one_repeat_pulls_in_that_one() -> None:
    made = plan(group("top", array("a", 9, job("x")), job("w", on_pass=["x[4]"])), only=["w"])
    assert jobs(made) == {"a/x": [4], "w": []}
    assert not made.edges[0].unselected


def test_a_repeat_that_is_picked_and_needed_whole_runs_whole() -> None:
    spec = group("top", array("a", 3, job("x")), job("w", on_pass=["x"]))
    assert jobs(plan(spec, only=["x[1]", "w"]))["a/x"] == [0, 1, 2]
    assert jobs(plan(spec, only=["w", "x[1]"]))["a/x"] == [0, 1, 2]


def test_skip_wins_over_everything_and_its_edges_are_marked() -> None:
    made = plan(TREE, skip=["build"])
    assert list(jobs(made)) == ["prep", "sims/run", "report", "mourn"]
    assert edges(made)[0] == "top/sims/run on_pass top/build at top unselected"
    assert list(jobs(plan(TREE, only=["ld"], skip=["ld", "cc"], tags=["early"]))) == ["prep"]


def test_what_is_skipped_pulls_nothing_in() -> None:
    assert list(jobs(plan(TREE, only=["run"], skip=["build"]))) == ["sims/run"]


def test_skipped_repeats_are_left_out() -> None:
    made = plan(TREE, skip=["run[0]", "run[9]"])
    assert jobs(made)["sims/run"] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_waiting_for_a_skipped_repeat_is_waiting_for_nothing() -> None:
    made = plan(group("top", array("a", 3, job("x")), job("w", on_pass=["x[1]"])), skip=["x[1]"])
    assert edges(made) == ["top/w on_pass top/a/x[1] at top unselected"]


def test_a_group_with_nothing_left_vanishes() -> None:
    made = plan(TREE, skip=["cc", "ld"])
    assert "top/build" not in made.nodes
    assert [child.ident for child in made.root.children] == ["prep", "sims", "report", "mourn"]
    assert "top/sims/run on_pass top/build at top unselected" in edges(made)


def test_an_array_with_no_repeat_left_vanishes() -> None:
    assert "top/sims" not in plan(TREE, skip=["run[*]"]).nodes


def test_part_of_one_repeat_cannot_be_skipped() -> None:
    spec = group("top", array("lanes", 4, group("lane", job("a"), job("b"))))
    with pytest.raises(UsageError, match="skip the whole repeat, or the node in all repeats"):
        plan(spec, skip=["lane[1]/b"])


def test_tags_select_and_add_to_what_globs_select() -> None:
    assert list(jobs(plan(TREE, tags=["early"]))) == ["prep"]
    assert list(jobs(plan(TREE, tags=["early", "slow"], skip=["build"]))) == ["prep", "sims/run"]
    assert list(jobs(plan(TREE, tags=["early"], only=["mourn"], skip=["sims"]))) == ["prep", "mourn"]


def test_a_tag_of_a_group_selects_all_below() -> None:
    spec = group("top", group("g", job("a"), job("b"), settings=spec_pb2.Settings(tags=["t"])), job("c"))
    assert list(jobs(plan(spec, tags=["t"]))) == ["g/a", "g/b"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("r*", ["sims/run", "report"]),
        ("*/run", ["sims/run"]),
        ("sims/*", ["sims/run"]),
        ("top/*", ["prep", "build/cc", "build/ld", "sims/run", "report", "mourn"]),
        ("/*", ["prep", "build/cc", "build/ld", "sims/run", "report", "mourn"]),
        ("/top/prep", ["prep"]),
        ("top/**/run", ["sims/run"]),
        ("**/cc", ["build/cc"]),
        ("build/**", ["build/cc", "build/ld"]),
        ("top.build.cc", ["build/cc"]),
        ("*c", ["build/cc"]),
        ("*", ["prep", "build/cc", "build/ld", "sims/run", "report", "mourn"]),
    ],
)
def test_globs_match_the_end_of_a_path(pattern: str, names: list[str]) -> None:
    written = [job(n.job.ident) if n.HasField("job") else n for n in TREE.group.jobs]
    free = group("top", *written)
    for child in free.group.jobs:
        for below in [*child.group.jobs, *child.array.jobs]:
            below.job.ClearField("order")
    assert list(jobs(plan(free, only=[pattern]))) == names


@pytest.mark.parametrize(
    ("pattern", "repeats"),
    [
        ("run[1*]", [1, 10, 11]),
        ("r*[5]", [5]),
        ("sims.run.2", [2]),
        ("top/sims/run[0]", [0]),
        ("**/run[*0]", [0, 10]),
    ],
)
def test_globs_pick_repeats(pattern: str, repeats: list[int]) -> None:
    made = plan(group("top", array("sims", 12, job("run"))), only=[pattern])
    assert list(made.nodes["top/sims/run"].indices) == repeats


def test_a_dot_in_a_name_is_just_a_dot() -> None:
    made = plan(group("top", job("v1.2"), job("v1.3"), job("b")), only=["v1.2"])
    assert list(jobs(made)) == ["v1.2"]


@pytest.mark.parametrize("options", [{"only": ["zz"]}, {"only": ["run[10]"]}, {"tags": ["zz"]}])
def test_nothing_selected_is_an_error(options: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError, match="nothing to run matches"):
        plan(TREE, only=options.get("only", ()), tags=options.get("tags", ()))


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"only": ["sims/rnu"]}, ": did you mean 'sims/run'?"),
        ({"only": ["zz", "/top/prpe"]}, ": did you mean 'top/prep'?"),
        ({"only": ["@faild"]}, ": did you mean '@failed'?"),
        ({"only": ["run[10]"]}, ": see `gator plan SPEC` for the paths and tags"),
        ({"only": ["sims/rn*"]}, ": see `gator plan SPEC` for the paths and tags"),
    ],
)
def test_the_node_that_was_most_likely_meant_is_offered(options: dict[str, list[str]], hint: str) -> None:
    with pytest.raises(UsageError) as error:
        plan(TREE, only=options["only"])
    assert (
        str(error.value)
        == f"nothing to run matches {', '.join('--only ' + p for p in options['only'])}{hint}"
    )


def test_the_tag_that_was_most_likely_meant_is_offered() -> None:
    spec = group("top", job("a", settings=spec_pb2.Settings(tags=["smoke"])), job("b"))
    with pytest.raises(UsageError, match="--tag smok: did you mean 'smoke'"):
        plan(spec, tags=["smok"])
    messages = [warning.message for warning in plan(spec, only=["b"], tags=["smok"]).warnings]
    assert messages == ["--tag smok matches nothing: did you mean 'smoke'?"]


def test_the_word_for_what_passed_in_the_last_run_is_offered() -> None:
    messages = [warning.message for warning in plan(TREE, skip=["@pased"]).warnings]
    assert messages == ["--skip @pased matches nothing: did you mean '@passed'?"]


def test_skipping_everything_is_an_error() -> None:
    with pytest.raises(UsageError, match="--skip excludes everything"):
        plan(TREE, only=["prep"], skip=["*"])


def test_one_pattern_of_several_that_matches_nothing_is_a_warning() -> None:
    made = plan(TREE, only=["prep", "zz"], skip=["yy"], tags=["xx"])
    messages = [warning.message for warning in made.warnings]
    assert messages == ["--skip yy matches nothing", "--only zz matches nothing", "--tag xx matches nothing"]


def test_a_single_job_is_selected_by_its_name() -> None:
    assert plan(job("a"), only=["a"]).root.jobs == 1
    with pytest.raises(UsageError):
        plan(job("a"), skip=["a"])


IDENTS = ["prep", "build", "cc", "ld", "sims", "run", "run[3]", "report", "mourn"]


@given(
    st.lists(st.sampled_from(IDENTS), min_size=1, max_size=3), st.lists(st.sampled_from(IDENTS), max_size=2)
)
def test_whatever_is_selected_has_all_that_it_waits_for_but_what_is_skipped(
    only: list[str], skip: list[str]
) -> None:
    try:
        made = plan(TREE, only=only, skip=skip)
    except UsageError:
        return
    for edge in made.edges:
        whole = {
            n.template for n in plan(TREE).nodes.values() if n.template.startswith(edge.awaited.template)
        }
        skipped = any(name.split("[")[0] in edge.awaited.template.split("/") for name in skip)
        if not skipped and not any(name.split("[")[0] in {w.split("/")[-1] for w in whole} for name in skip):
            assert not edge.unselected
            assert whole <= set(made.nodes)
    assert all(node.parent is None or node in node.parent.children for node in made.nodes.values())
    assert made.root.jobs == sum(n.instances for n in made.nodes.values() if n.job)


def test_a_group_is_partial_if_the_selection_leaves_out_jobs_of_it() -> None:
    def partial(only: Sequence[str] = (), skip: Sequence[str] = ()) -> list[str]:
        nodes = plan(TREE, only=only, skip=skip).nodes.values()
        return [node.template for node in nodes if node.is_partial]

    assert partial() == []
    assert partial(only=["sims"]) == ["top"]
    assert partial(only=["run[3]"]) == ["top", "top/sims"]
    assert partial(only=["ld"]) == ["top"]
    assert partial(skip=["cc"]) == ["top", "top/build"]
