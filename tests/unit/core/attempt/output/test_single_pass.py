"""Nothing is evaluated twice: a value of a parameter or variable reaches the job as it is, whatever it is."""

from hypothesis import example, given
from hypothesis import strategies as st

from gator.core.attempt.start.environment import Launcher
from gator.plan import make_plan
from gator.v1 import attach_pb2, plan_pb2, spec_pb2

PIECES = st.sampled_from(
    [
        "$",
        "{",
        "}",
        "${",
        "${{",
        "$${{",
        "}}",
        "\\",
        " ",
        "A",
        "$A",
        "${A}",
        "attempt",
        "seed",
        "params.x",
        "-",
        ":-",
        "é",
    ]
)
VALUES = st.lists(PIECES, max_size=6).map("".join)
PLAIN = st.sampled_from(["", "A", "/", "x", "-", " ", "é"])
AROUND = st.sampled_from(["$A", "${A}", "$B", "\\$A", "<", "", "A", "${C:-d}"])
EXPANDED = {"$A": "a", "${A}": "a", "$B": "", "\\$A": "$A", "${C:-d}": "d"}


def started(args: list[str], values: dict[str, str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Returns the arguments and the environment of a job as its process gets them."""
    settings = spec_pb2.Settings()
    for name, value in values.items():
        # As `--param` gives it: only `${{` needs an escape in a spec.
        settings.params.add(name=name, values=[value.replace("${{", "$${{")])
    for name, value in env.items():
        settings.env.add(name=name, value=value)
    job = spec_pb2.Job(ident="job", command="echo", args=args, settings=settings)
    request = plan_pb2.PlanRequest(
        spec=spec_pb2.Spec(job=job), seed=7, environment={"A": "a", "V": values["x"]}
    )
    plan = make_plan(request)
    node = attach_pb2.LaunchNode(path="job", attempt=3, job=plan.resolve(plan.root, "job"))
    launcher = Launcher({"A": "a"}, run="r", folder="/run", launch_dir="/launch")
    prepared = launcher.prepare(node, token="")
    return prepared.argv[1:], prepared.env


@example(value="", before="$A", after="A")
@given(VALUES, AROUND, AROUND)
def test_a_value_in_an_argument_stays_as_it_is(value: str, before: str, after: str) -> None:
    args = [f"{before}${{{{ params.x }}}}{after}", f"{before}${{{{ env.V }}}}{after}"]
    if before.endswith("$"):
        return
    found, _ = started(args, {"x": value}, {})
    expected = f"{EXPANDED.get(before, before)}{value}{EXPANDED.get(after, after)}"
    assert found == [expected, expected]


@given(VALUES, VALUES)
def test_values_beside_each_other_make_no_name(x: str, y: str) -> None:
    args = ["${{ params.x }}${{ params.y }}", "${{ params.x }}${{ attempt }}${{ params.y }}"]
    env = {"E": "${{ params.x }}${{ params.y }}", "F": "${{ params.x }}{{ attempt }}"}
    found, environment = started(args, {"x": x, "y": y}, env)
    assert found == [x + y, f"{x}3{y}"]
    assert (environment["E"], environment["F"]) == (x + y, x + "{{ attempt }}")
    assert environment["GATOR_PARAM_X"] == x


@given(VALUES, PLAIN)
def test_a_default_of_a_variable_takes_any_value(value: str, text: str) -> None:
    found, _ = started([f"${{NONE:-{text}${{{{ params.x }}}}}}"], {"x": value}, {})
    assert found == [f"{text}{value}"]


@given(VALUES)
def test_a_parameter_that_refers_to_another_has_its_value(value: str) -> None:
    inner = spec_pb2.Job(ident="job", command="echo", args=["<${{ params.y }}>"])
    inner.settings.params.add(name="y", values=["[${{ params.x }}] ${{ attempt }} $A"])
    group = spec_pb2.JobGroup(ident="top", jobs=[spec_pb2.Spec(job=inner)])
    group.settings.params.add(name="x", values=[value.replace("${{", "$${{")])
    plan = make_plan(plan_pb2.PlanRequest(spec=spec_pb2.Spec(group=group), seed=7))
    job = plan.resolve(plan.nodes["top/job"], "top/job")
    node = attach_pb2.LaunchNode(path="top/job", attempt=3, job=job)
    launcher = Launcher({"A": "a"}, run="r", folder="/run", launch_dir="/launch")
    assert launcher.prepare(node, token="").argv[1:] == [f"<[{value}] 3 $A>"]


@given(st.lists(VALUES, max_size=3))
def test_the_items_of_a_list_are_arguments_as_they_are(items: list[str]) -> None:
    job = spec_pb2.Job(ident="job", command="echo", args=["-x", "${{ params.items }}", "$A"])
    job.settings.params.add(
        name="items", type=spec_pb2.PARAM_TYPE_LIST, values=[item.replace("${{", "$${{") for item in items]
    )
    plan = make_plan(plan_pb2.PlanRequest(spec=spec_pb2.Spec(job=job), seed=7))
    node = attach_pb2.LaunchNode(path="job", attempt=1, job=plan.resolve(plan.root, "job"))
    launcher = Launcher({"A": "a"}, run="r", folder="/run", launch_dir="/launch")
    assert launcher.prepare(node, token="").argv[1:] == ["-x", *items, "a"]
