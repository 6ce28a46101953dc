"""Each example does what it shows, as a user would see it."""

import re
import shutil
from pathlib import Path

import pytest

from gator.enum_names import enum_name
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator

EXAMPLES = Path(__file__).parents[3] / "examples"
LINE = re.compile(r"^\[\d\d:\d\d:\d\d\] (INFO|WARNING) +(.*)$")


def example(name: str) -> str:
    return str(EXAMPLES / name)


def words(gator: Gator) -> dict[str, str]:
    """Outcomes of the newest run by the last part of the path."""
    return {
        path.rpartition("/")[2]: enum_name(common_pb2.Outcome.DESCRIPTOR, node.outcome)
        for path, node in gator.nodes().items()
    }


def said(out: str) -> list[tuple[str, str]]:
    """Severity and text of what a single job prints."""
    found = [LINE.match(line) for line in out.splitlines()]
    return [(match[1], match[2]) for match in found if match]


def test_every_example_is_a_correct_spec_and_has_a_test(gator: Gator) -> None:
    specs = sorted(EXAMPLES.glob("*.yaml"))
    gator("check", *map(str, specs)).expect(0)
    text = Path(__file__).read_text()
    assert [path.name for path in specs if f'"{path.name}"' not in text] == []


def test_a_job_prints_what_it_does(gator: Gator) -> None:
    done = gator("run", example("job.yaml")).expect(0)
    assert said(done.out) == [
        ("INFO", "Starting Gator 🐊"),
        ("INFO", "Launching task: echo hi"),
        ("INFO", "Monitoring task"),
        ("INFO", "hi"),
        ("INFO", "Task completed with return code 0"),
        ("INFO", "Recorded 0 warnings and 0 errors"),
    ]


def test_jobs_of_a_group_see_its_environment(gator: Gator) -> None:
    done = gator("run", example("job_group.yaml")).expect(0)
    assert "PASSED greetings in" in done.out
    assert gator("logs", "greetings/hello").expect(0).out == "hello world\n"
    assert gator("logs", "goodbye").expect(0).out == "goodbye world\n"


def test_repeats_of_an_array_have_numbers_and_seeds_that_can_be_repeated(gator: Gator) -> None:
    rolls: list[list[str]] = []
    for _ in range(2):
        gator("run", example("job_array.yaml"), "--seed", 3).expect(0)
        rolls.append([gator("logs", f"dice/roll[{index}]").expect(0).out for index in range(4)])
    assert rolls[0] == rolls[1]
    assert all(re.fullmatch(rf"repeat {index} rolls [1-6]\n", roll) for index, roll in enumerate(rolls[0]))


def test_a_tree_runs_in_the_order_of_its_dependencies(gator: Gator) -> None:
    done = gator("run", example("job_tree.yaml"), "--verbose").expect(0)
    ended = re.findall(r"^PASSED (\S+)", done.out, re.MULTILINE)
    assert ended[0] == "top/inner/say_hi"
    assert sorted(ended[1:5]) == [f"top/counting/echo_count[{index}]" for index in range(4)]
    assert ended[5] == "top/say_bye"
    assert "PASSED top in" in done.out
    assert "6 passed" in done.out
    assert gator("logs", "echo_count[3]").expect(0).out == "3\n"


def test_a_failure_prunes_what_needs_success_and_runs_what_handles_it(gator: Gator) -> None:
    done = gator("run", example("failures.yaml")).expect(1)
    assert words(gator) == {
        "pipeline": "failed",
        "build": "failed",
        "deploy": "pruned",
        "diagnose": "passed",
        "clean_up": "passed",
        "flaky_lint": "failed",
    }
    assert "first error: err:1: main.c:12: error: expected ';'" in done.out
    assert "again: gator run --only /pipeline/build" in done.out
    assert "flaky_lint (allowed)" in done.out
    assert "main.c:12" in gator("failures").expect(0).out
    log = re.search(r"log: (\S+build\S+)", done.out)
    assert log is not None
    assert "compiling\n" in Path(log[1]).read_text()


def test_no_more_start_than_there_are_licenses(gator: Gator) -> None:
    gator("run", example("resources.yaml"), "-j", 4).expect(0)
    life = gator.events(attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)
    maximum = running = 0
    for event in sorted(life, key=lambda event: event.time_unix_nanos):
        running += 1 if event.HasField("started") else -1
        maximum = max(maximum, running)
    assert maximum == 2
    assert gator("logs", "simulate[3]").expect(0).out == "simulating with 1 core and 100 MB\n"


def test_a_flood_is_kept_can_be_searched_and_fails_only_by_its_errors(gator: Gator) -> None:
    done = gator("run", example("flood.yaml")).expect(0)
    assert "1000 errors where 100 are allowed, the first: error number 1" in done.out
    lines = gator("logs", "chatty").expect(0).out.splitlines()
    assert lines == [f"this is line {number} of a flood" for number in range(1, 200_001)]
    assert gator("grep", "line 19999. ").expect(0).out.splitlines() == [
        f"flood/chatty out:{number}: this is line {number} of a flood" for number in range(199_990, 200_000)
    ]


def test_a_python_job_reports_messages_and_metrics(gator: Gator) -> None:
    done = gator("run", example("python_client.yaml")).expect(0)
    assert ("WARNING", "step size reduced to 0.5") in said(done.out)
    assert said(done.out)[-1] == ("INFO", "Recorded 1 warning and 0 errors")
    metrics = [line.split() for line in gator("metrics").expect(0).out.splitlines()]
    assert metrics[0][:6] == ["node", "metric", "value", "unit", "kind", "count"]
    assert metrics[1] == ["report", "coverage", "87.5", "%"]
    assert metrics[2][:5] == ["report", "cycles", "3,000", "max", "3"]


def test_a_python_job_needs_no_gator_in_the_python3_of_the_path(gator: Gator, tmp_path: Path) -> None:
    """Gator in a virtual environment that is not active, as the quickstart and pipx leave it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python3 = programs / "python3"
    python3.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'gator'\" >&2\nexit 1\n")
    python3.chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    done = gator("run", example("python_client.yaml"), env={"PATH": path, "PYTHONPATH": ""}).expect(0)
    assert ("WARNING", "step size reduced to 0.5") in said(done.out)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: cc")
def test_a_regression_finds_a_bug_and_the_failure_alone_can_be_run_again(gator: Gator) -> None:
    done = gator("run", example("regression.yaml")).expect(1)
    assert "1 of 24 jobs failed, the first was regression/stress" in done.out
    assert "sorter.c: wrong order at" in done.out
    first = re.search(r"wrong order at .*", done.out)
    assert gator("logs", "sizes").expect(0).out == "the programs are built\n"
    again = gator("run", "--only", "@failed", example("regression.yaml")).expect(1)
    assert words(gator) == {
        "regression": "failed",
        "build": "passed",
        "sorter": "passed",
        "hasher": "passed",
        "stress": "failed",
    }
    # The seed of a job does not depend on what else runs.
    assert first is not None
    assert first[0] in again.out


def test_parameters_reach_the_jobs(gator: Gator) -> None:
    gator("run", example("params.yaml")).expect(0)
    assert gator("logs", "sim").expect(0).out == "mode=fast smoke dma\n"
    assert gator("logs", "thorough").expect(0).out == "smoke in slow mode\ndma in slow mode\n"
    assert gator("logs", "night/plan").expect(0).out == "['smoke', 'dma']\n"


def test_children_of_a_matrix_run_for_every_combination(gator: Gator) -> None:
    gator("run", example("matrix.yaml")).expect(0)
    outputs = {path: gator.output(path) for path in gator.nodes() if "[" in path}
    assert len(outputs) == 10
    assert outputs["sims/run[test=dma,mode=slow,1]"] == b"dma --mode=slow 1\n"
    shown = gator("show", "run[test=dma,mode=slow,1]").expect(0).out
    assert "matrix          mode=slow\n  matrix          test=dma\n" in shown
    assert gator("run", example("matrix.yaml"), "--scale", "0.5", "--only", "run[test=dma]").expect(0)
    assert [path for path in gator.nodes() if "[" in path] == [
        "sims/run[test=dma,mode=fast,0]",
        "sims/run[test=dma,mode=slow,0]",
    ]


def test_the_coverage_of_many_seeds_is_merged_and_held_to_a_contract(gator: Gator) -> None:
    gator("run", example("coverage.yaml")).expect(0)
    table = gator("metrics", "coverage/merge").expect(0).out.splitlines()
    name, value, unit = table[1].split()[1:4]
    assert (name, unit) == ("coverage", "%")
    # Several runs together execute all lines but those for large inputs and failures.
    assert 60 < float(value) < 100
    assert "contract coverage held: " in gator("show", "coverage/merge").expect(0).out
    text = (EXAMPLES / "coverage.yaml").read_text().replace(">= 60%", "> 99%")
    shutil.copytree(EXAMPLES / "regression", gator.root / "regression")
    ran = gator("run", gator.spec(text, "strict.yaml")).expect(1)
    assert f"FAILED coverage/merge: the metric coverage is {value} % where > 99% is expected" in ran.out
