"""Scripts of Python that build specs, run them and read their runs."""

import subprocess
import sys
from pathlib import Path

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
    assert f"{gator.root}/script.py:28:24: there is no key 'comand'" in told
    assert "script.py:30:" in told and "unknown node 'no'" in told
    assert "no such option: --nonsense" in told
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
