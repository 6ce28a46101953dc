"""Scripts of Python that build specs, run them and read their runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

from gator import run
from tests.acceptance.support import Gator

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
SCRIPT = """\
import gator
from gator import spec
from gator.errors import SpecError, UsageError

top = spec.JobGroup(
    "top",
    jobs=[
        spec.Job("good", shell="echo hello; gator metric n 3 --unit ms", tags=["x"]),
        spec.Job("bad", shell="echo 'a.c:3: error: broken' >&2; exit 3", allow_failure=True),
        spec.Job("other", command="true"),
    ],
)
run = gator.run(top, skip=["other"], jobs=2, label={"a": "b"})
assert run.passed and run.exit_code == 0 and run.outcome == "passed", run
assert [node.path for node in run.nodes] == ["top", "top/good", "top/bad"]
(failure,) = run.failures
assert (failure.path, failure.reason, failure.kind) == ("top/bad", "exit", "job")
assert failure.first_error.file == "a.c" and failure.first_error.line == 3
assert [line.text for line in run.lines("good") if line.stream == "out"] == ["hello"]
assert [line.path for line in run.lines(regex="brok.n")] == ["top/bad"]
found = {(each.path, each.name, each.value, each.unit) for each in run.metrics}
assert ("top/good", "n", 3.0, "ms") in found
assert run.node("good").passed and len(run.id) == 32 and run.folder.is_dir()
assert [node.path for node in run.below(outcomes=["passed"], kinds=["job"])] == ["top/good"]

assert not gator.run(spec.Job("a", shell="exit 1")).passed
for wrong, kind in (
    (lambda: gator.run(spec.Job("a", comand="x")), SpecError),
    (lambda: gator.check(spec.Job("a")), SpecError),
    (lambda: gator.run(spec.JobGroup("g", jobs=[spec.Job("a", command="x", on_pass="no")])), SpecError),
    (lambda: gator.run(spec.Job("a", command="true"), nonsense=1), UsageError),
    (lambda: gator.run("no.yaml"), UsageError),
):
    try:
        wrong()
    except kind as error:
        print(error)
    else:
        raise AssertionError(kind)
"""


def script(gator: Gator, text: str, name: str = "script.py") -> str:
    (gator.root / name).write_text(text)
    done = subprocess.run(
        [sys.executable, name], cwd=gator.root, env=gator.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_script_runs_specs_and_reads_their_runs(gator: Gator) -> None:
    told = script(gator, SCRIPT)
    assert f"{gator.root}/script.py:28:24: unknown key 'comand'" in told
    assert "script.py:30:" in told and "unknown node 'no'" in told
    assert "unknown option --nonsense" in told
    assert "cannot read the spec no.yaml" in told


def test_the_regression_on_the_page_is_one_page_and_runs(gator: Gator) -> None:
    text = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    assert len(text.splitlines()) <= 60
    small = text.replace("range(100)", "range(2)").replace("repeats=50", "repeats=3")
    told = script(gator, small)
    assert told.startswith("passed ")
    assert gator.nodes()["regression"].tally.passed == 13
    assert script(gator, text.partition("if __name__")[0] + COUNT, "count.py") == "10001\n"


COUNT = """\
loaded = spec.load_written(spec.JobGroup("regression", jobs=[build, sims]))
from gator.plan import make_plan
from gator.v1 import plan_pb2

print(make_plan(plan_pb2.PlanRequest(spec=loaded.spec, seed=1)).root.jobs)
"""


def test_a_run_from_python_can_be_repeated_and_explained(gator: Gator) -> None:
    script(gator, 'import gator\nfrom gator import spec\ngator.run(spec.Job("a", shell="exit 3"))\n')
    shown = gator("show", "a").expect(0).out
    assert "script.py:3" in shown
    (file,) = (gator.root / "tracking" / ".specs").iterdir()
    done = gator("run", str(file)).expect(1)
    assert "exited with code 3" in done.out + done.err or "return code 3" in done.out


def test_a_run_in_another_directory_is_found(gator: Gator) -> None:
    (gator.root / "other").mkdir()
    (gator.root / "s.yaml").write_text("!Job\nident: a\nshell: pwd\n")
    (gator.root / "other" / "s.yaml").write_text("!Job\nident: b\nshell: pwd\n")
    told = script(
        gator,
        """\
import gator
from gator import spec
from gator.errors import UsageError

for run in (
    gator.run("s.yaml", directory="other"),
    gator.run(spec.Job("b", shell="pwd"), directory="other"),
    gator.run("s.yaml", directory="other", tracking="here"),
):
    print(run.folder)
    assert run.outcome == "passed", run
    assert [line.text for line in run.lines()][-1].endswith("/other")
try:
    gator.run("s.yaml", dry_run=True)
except UsageError as error:
    assert "dry_run" in str(error)
else:
    raise AssertionError
""",
    )
    first, second, third = map(Path, told.splitlines())
    other = gator.root / "other"
    assert first.parent == second.parent == other / "tracking"
    assert third == other / "here"
    assert len(list((other / "tracking" / ".specs").iterdir())) == 1
    assert not (gator.root / "tracking").exists()


def test_the_values_of_parameters_reach_their_jobs_unchanged(gator: Gator) -> None:
    told = script(
        gator,
        """\
import gator
from gator import spec
from gator.errors import UsageError

params = {"l": {"type": "list", "default": []}, "b": False, "n": 1, "t": "x"}
job = spec.Job("a", shell='echo "$GATOR_PARAMS"', params=params)
given = {"l": ["x", "y z"], "b": True, "n": 2.5, "t": "é,\\n"}
print([line.text for line in gator.run(job, param=given).lines()])
for wrong in ({"l": ["x,y"]}, {"l": {"x": "y"}}):
    try:
        gator.run(job, param=wrong)
    except UsageError as error:
        print(error)
""",
    )
    assert '"l":["x","y z"]' in told.replace('", "', '","').replace(": ", ":")
    assert '"b":true' in told.replace(": ", ":") and '"n":2.5' in told.replace(": ", ":")
    assert "param: an item of 'l' contains a comma, which separates items" in told
    assert "param: 'l' must be a string, number, boolean or list, not dict" in told


def test_options_from_python_are_passed_on_or_refused(gator: Gator) -> None:
    told = script(
        gator,
        """\
from pathlib import Path
import gator
from gator import spec
from gator.errors import UsageError

job = spec.Job("a", command="true")
gator.run(job, progress=False, quiet=False, jobs=None)
assert gator.run(job, only=["a"], label=("x=1",)).passed
for wrong in ({"jobs": False}, {"only": ["a", None]}, {"only": [{"x": 1}]}, {"only": [True]}):
    try:
        gator.run(job, **wrong)
    except UsageError as error:
        print(error)
""",
    )
    wrong = "only: an item of a list must be a string, path or number, not"
    argv = json.loads(gator("runs", "--json").expect(0).out.splitlines()[-1])["argv"]
    assert argv[argv.index("run") + 1 : argv.index("--")] == ["--no-progress"]
    assert told.splitlines() == [
        "jobs: False is not a value of this option: use None to omit it",
        *(f"{wrong} {kind}" for kind in ("NoneType", "dict", "bool")),
    ]


def test_the_examples_of_the_docstring_are_options(gator: Gator) -> None:
    examples = re.findall(r"`([a-z_]+)=([^`]+)`", run.__doc__ or "")
    assert len(examples) >= 3
    for name, value in examples:
        option = f"--{'no-' * (value == 'False')}{name.replace('_', '-')}"
        assert option in gator("run", "--help").expect(0).out, option
    script(
        gator,
        "import gator\nfrom gator import spec\n"
        'sims = spec.Job("sims", command="true", params={"mode": "slow"})\n'
        'top = spec.JobGroup("top", jobs=[sims], params={"mode": "slow"})\n'
        + "".join(f"assert gator.run(top, {name}={value}).passed\n" for name, value in examples),
    )


def test_a_problem_with_a_colon_and_a_line_break_is_reported_whole(gator: Gator) -> None:
    (gator.root / "odd:1:2: name.yaml").write_text("!Job\nident: a\ncomand: x\n")
    script(
        gator,
        """\
import gator
from gator.errors import SpecError

try:
    gator.run("odd:1:2: name.yaml")
except SpecError as error:
    first = error.problems[0]
    assert (first.file, first.line, first.column) == ("odd:1:2: name.yaml", 3, 1), error.problems
else:
    raise AssertionError
""",
    )
