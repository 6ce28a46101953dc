"""What is filled in for `${{ }}` before a job starts."""

from collections.abc import Mapping

import pytest

from gator.errors import SpecError
from gator.node_paths import template_of
from gator.path_patterns import slug
from gator.plan import array_index, recorded_job, recorded_plan
from gator.spec.literal import unmarked
from gator.v1 import plan_pb2, spec_pb2
from tests.unit.plan.plan_trees import array, env, group, job, plan, problems


def resolved(
    spec: spec_pb2.Spec, path: str, template: str, environment: Mapping[str, str] | None = None
) -> spec_pb2.Job:
    made = plan(spec, environment=environment)
    return made.resolve(made.nodes[template], path)


def test_what_is_known_of_an_instance_is_filled_in() -> None:
    names = ["array", "path", "slug", "spec.dir", "run.id", "run.dir"]
    spec = group("top", array("a", 3, job("x", *(f"<${{{{ {name} }}}}>" for name in names))))
    made = resolved(spec, "top/a/x[2]", "top/a/x")
    path = "top/a/x[2]"
    assert list(made.args) == ["<2>", f"<{path}>", f"<{slug(path)}>", "</specs>", "<run-1>", "</runs/run-1>"]


def test_the_seed_is_that_of_the_instance() -> None:
    made = plan(group("top", array("a", 3, job("x", "+seed=${{ seed }}"))))
    node = made.nodes["top/a/x"]
    for n in range(3):
        path = f"top/a/x[{n}]"
        assert list(made.resolve(node, path).args) == [f"+seed={made.seed(path)}"]


def test_a_job_with_nothing_to_fill_in_is_shared() -> None:
    made = plan(group("top", array("a", 3, job("x", "hi"))))
    node = made.nodes["top/a/x"]
    assert made.resolve(node, "top/a/x[0]") is made.resolve(node, "top/a/x[1]")


def test_names_of_the_start_and_escapes_stay_as_written() -> None:
    texts = [
        "${{ attempt }}",
        "${{cores}}",
        "${{ scratch }}/x",
        "$${{ seed }}",
        "${{ }",
    ]
    assert list(resolved(group("top", job("a", *texts)), "top/a", "top/a").args) == texts


def test_every_text_of_a_job_is_filled_in() -> None:
    settings = spec_pb2.Settings(
        cwd="${{ run.dir }}/x", setup="cd ${{ spec.dir }}", scratch=spec_pb2.Scratch(root="${{ run.dir }}/s")
    )
    spec = job("a", settings=settings)
    spec.job.command = "${{ spec.dir }}/tool"
    made = resolved(spec, "a", "a")
    assert (made.command, made.settings.cwd) == ("/specs/tool", "/runs/run-1/x")
    assert (made.settings.setup, made.settings.scratch.root) == ("cd /specs", "/runs/run-1/s")


def variables(settings: spec_pb2.Settings) -> dict[str, str]:
    return {variable.name: variable.value for variable in settings.env}


def test_a_variable_means_the_level_above_in_the_values_of_variables() -> None:
    spec = group(
        "top",
        job("a", "${{ env.P }}", settings=env(P="${{ env.P }}:near", Q="${{ env.P }}")),
        settings=env(P="${{ env.P }}:far"),
    )
    made = resolved(spec, "top/a", "top/a", {"P": "launch"})
    assert variables(made.settings) == {"P": "launch:far:near", "Q": "launch:far"}
    assert list(made.args) == ["launch:far:near"]


def test_inherited_variables_are_filled_in_for_the_job_that_gets_them() -> None:
    made = plan(group("top", job("a"), job("b"), settings=env(WHERE="${{ path }}")))
    for path in ("top/a", "top/b"):
        assert variables(made.resolve(made.nodes[path], path).settings) == {"WHERE": path}


def test_what_was_put_in_is_never_scanned_again() -> None:
    spec = group("top", job("a", "${{ env.B }}"), settings=env(B="<${{ env.A }}>"))
    made = resolved(spec, "top/a", "top/a", {"A": "${{ seed }}"})
    assert list(map(unmarked, made.args)) == ["<${{ seed }}>"]


def test_an_unset_or_removed_variable_is_empty() -> None:
    spec = group("top", job("a", "<${{ env.NONE }}${{ env.A }}>", settings=env(A=None)))
    assert list(resolved(spec, "top/a", "top/a", {"A": "x"}).args) == ["<>"]


def test_unknown_names_are_refused_where_they_are_written() -> None:
    spec = group("top", job("a", "${{ sede }}"), job("b"), settings=env(X="${{ run.nope }}"))
    assert problems(spec) == [
        "unknown name ${{ run.nope }}",
        "unknown name ${{ sede }}: did you mean 'seed'?",
    ]


def test_the_index_is_refused_outside_of_arrays() -> None:
    spec = group("top", job("a"), array("b", 2, job("x")), settings=env(N="${{ array }}"))
    assert problems(spec) == ["${{ array }} is defined only inside a !JobArray, and 'a' is in none"]


def test_a_script_takes_plain_words_only() -> None:
    assert problems(job("a", shell="echo ${{ seed }} ${{ spec.dir }} ${{ attempt }}")) == []
    assert problems(array("top", 3, job("a", shell="echo ${{ path }}"))) == [
        'the value of ${{ path }} is not one plain word: use "$GATOR_PATH" in a script'
    ]


def test_a_script_takes_no_value_that_looks_like_a_name_of_ours() -> None:
    spec = job("a", shell="echo ${{ env.X }}")
    with pytest.raises(SpecError, match="not one plain word"):
        plan(spec, environment={"X": "a;rm${{seed}}"})


def test_a_script_may_hold_what_is_filled_in_at_the_start() -> None:
    spec = job("a", shell="echo ${{ env.N }}", settings=env(N="n-${{ cores }}"))
    assert resolved(spec, "a", "a").shell == "echo n-${{ cores }}"


def test_a_script_names_the_variable_to_use_instead() -> None:
    assert problems(group("top", job("a", shell="echo ${{ env.X }}"), settings=env(X="two words"))) == [
        'the value of ${{ env.X }} is not one plain word: use "$X" in a script'
    ]


@pytest.mark.parametrize(
    ("path", "index"), [("a", None), ("a/b[3]", 3), ("a/b[3]/c/d", 3), ("a/b[3]/c[14]", 14)]
)
def test_the_index_is_that_of_the_innermost_repeat(path: str, index: int | None) -> None:
    assert array_index(path) == index


def test_only_jobs_can_be_resolved() -> None:
    made = plan(group("top", job("a")))
    with pytest.raises(ValueError, match="top is not a job"):
        made.resolve(made.root, "top")


def test_the_job_of_a_record_is_the_one_of_the_whole_plan() -> None:
    inner = group("g", job("x", "${{ seed }}", "$A"), job("y", on_pass=["x"], seed="5"), settings=env(A="g"))
    spec = group("top", array("a", 3, inner), job("x", "${{ seed }}"), settings=env(A="top", B="b"))
    request = plan_pb2.PlanRequest(spec=spec, seed=9, seeds={"top/x": 77, "a/g[1]": 5}, run="run-1")
    whole = recorded_plan(request)
    for path in ("top/a/g[0]/x", "top/a/g[1]/x", "top/a/g[2]/y", "top/x"):
        node = whole.nodes[template_of(path)]
        assert recorded_job(request, path) == whole.resolve(node, path)
    for path in ("top", "top/a/g[0]", "top/nothing", "other/x", "top/x/y"):
        assert recorded_job(request, path) is None
