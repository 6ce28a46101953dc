"""`gator check` as a user calls it."""

import gc
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gator.cli.launch.config import Config
from gator.cli.launch.options import PlanOptions
from gator.cli.launch.preflight import runnable_plan
from gator.cli.launch.request import plan_request
from gator.cli.launch.specs.load import load_spec
from gator.cli.main import app
from gator.core.dispatch.pools import Pools

EXAMPLES = Path(__file__).parents[4] / "examples"


def test_a_variable_that_a_command_would_miss_is_warned_of(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "!JobGroup\nident: top\nenv: {SET: x, THERE: null}\njobs:\n"
        "- !Job {ident: a, command: echo, args: [$SET, $THERE, '${HERE}', '${GONE:-no}', $GATOR_SEED]}\n"
    )
    result = CliRunner().invoke(app, ["check", str(spec)], env={"THERE": "1", "HERE": "1"})
    warning = f"{spec}:5:3: warning: $THERE is not set, so it expands to nothing in 'a'"
    assert (result.exit_code, result.stdout.splitlines()) == (0, [warning, f"{spec}: fine, 1 warning"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_said_against_an_example(path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(path)])
    assert (result.exit_code, result.stdout) == (0, f"{path}: fine\n")


MISTYPED = """\
!JobGroup
ident: top
jobs:
- !Job {ident: a, command: "true", timout: 1s}
- !Job {ident: b, command: "true", on_pass: nothere}
- !Job {ident: c, command: "true", on_pass: [a, b]}
- !JobArray
  ident: d
  repeat: 3
  jobs: [!Job {ident: e, command: "true"}]
- !Job {ident: f, command: "true", on_done: "e[2]"}
- !Job {ident: g, command: "true", artefacts: {consumes: nobuild.sim}}
"""


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_unknown_references_are_reported_beside_mistyped_keys(command: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(MISTYPED)
    result = CliRunner().invoke(app, [command, str(spec)])
    said = result.stdout or str(result.exception)
    assert [line.removeprefix(str(spec)).split(" ")[0] for line in said.splitlines()] == [
        ":4:36:",
        ":5:45:",
        ":9:3:",
        ":12:58:",
    ]
    assert "unknown node 'nothere'" in said
    assert "unknown node 'nobuild'" in said


@pytest.mark.parametrize(
    "child",
    [
        '!Job {idnt: a, command: "true"}',
        '!Jb {ident: a, command: "true"}',
        '{ident: a, command: "true"}',
        "!JobGroup {ident: g, job: []}",
        "!JobGroup {ident: g, jobs: {}}",
        "!Include nowhere.yaml",
    ],
)
def test_a_reference_to_a_node_that_cannot_be_read_is_not_called_unknown(child: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f'!JobGroup\nident: top\njobs:\n- {child}\n- !Job {{ident: b, command: "true", on_pass: a, x: 1}}\n'
    )
    result = CliRunner().invoke(app, ["check", str(spec)])
    assert result.exit_code == 2
    assert "unknown node" not in result.stdout


def test_a_spec_that_is_not_there_has_no_lines() -> None:
    result = CliRunner().invoke(app, ["check", "nowhere.yaml"])
    assert result.exit_code == 2
    assert result.stdout.startswith("nowhere.yaml: cannot read the spec")
    assert "did you mean" not in result.stdout


@pytest.mark.parametrize("wrong", ["nightly.yml", "nigthly.yaml"])
def test_the_spec_that_was_most_likely_meant_is_offered(wrong: str, tmp_path: Path) -> None:
    spec = tmp_path / "nightly.yaml"
    spec.touch()
    (tmp_path / "night.yaml").touch()
    result = CliRunner().invoke(app, ["check", str(tmp_path / wrong)])
    assert result.stdout.endswith(f"no such file or directory: did you mean '{spec}'?\n")


def test_many_jobs_are_read_and_planned_without_garbage_collections(tmp_path: Path) -> None:
    jobs = "".join(f"- !Job {{ident: j{index}, command: echo, args: [hi]}}\n" for index in range(2_000))
    spec = tmp_path / "many.yaml"
    spec.write_text(f"!JobGroup\nident: top\njobs:\n{jobs}")
    collected: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] > 0:
            collected.append(phase)

    gc.callbacks.append(note)
    try:
        loaded = load_spec(str(spec), None, Config())
        before = len(collected)
        request = plan_request(loaded, PlanOptions())
        requested = len(collected)
        runnable_plan(request, Pools(1, 1 << 30, False, {}), loaded)
    finally:
        gc.callbacks.remove(note)
        gc.unfreeze()
    assert before == 0
    assert len(collected) == requested
    assert gc.isenabled()
