"""Includes that run programs, and that change what they include."""

from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until

PART = """
!JobGroup
ident: part
params: {mode: fast, tests: [a]}
env: {A: "1", B: "2"}
tags: x
jobs:
- !Job {ident: x, command: echo, args: ["${{ params.mode }}", $A, $B, "${{ params.tests }}"]}
"""


def program(gator: Gator, name: str, text: str) -> None:
    path = Path(gator.root) / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_an_include_changes_parameters_names_variables_tags_and_order(gator: Gator) -> None:
    gator.spec(PART, "part.yaml")
    spec = gator.spec(
        "!JobGroup\nident: top\njobs:\n- !Include part.yaml\n- !Include\n  file: part.yaml\n  ident: two\n"
        "  params: {mode: slow, tests: [b, c]}\n  env: {B: '3'}\n  tags: [y]\n  on_pass: part\n"
    )
    gator("run", spec).expect(0)
    assert gator.output("top/part/x") == b"fast 1 2 a\n"
    assert gator.output("top/two/x") == b"slow 1 3 b c\n"
    assert list(gator.nodes()["top/two"].tags) == ["x", "y"]
    assert "after part passed" in gator("plan", spec).expect(0).out


def test_the_output_of_a_program_is_recorded_and_not_made_again_to_look_at_the_run(gator: Gator) -> None:
    program(gator, "list.sh", 'echo "$1" >> calls; echo "[{test: a}, {test: b}]"')
    spec = gator.spec(
        "!JobArray\nident: sims\nmatrix: !Include {command: ./list.sh 'x y'}\n"
        'jobs: [!Job {ident: run, shell: "exit 1"}]\n'
    )
    gator("run", spec).expect(1)
    assert (Path(gator.root) / "calls").read_text() == "x y\n"
    for command in (["show", "run[test=b]"], ["tree"], ["failures"], ["status"]):
        gator(*command).expect(0)
    assert (Path(gator.root) / "calls").read_text() == "x y\n"
    gator("run", spec, "--only", "@failed").expect(1)
    assert (Path(gator.root) / "calls").read_text() == "x y\nx y\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo no licence >&2; exit 3", "it ended with exit code 3: no licence"),
        ("kill -9 $$", "it ended with SIGKILL"),
        ("yes", "its output has more than"),
        ("echo '{'", "output of . list.sh:2:1: a value is missing here"),
    ],
)
def test_a_program_that_fails_is_a_problem_of_the_spec(gator: Gator, text: str, message: str) -> None:
    program(gator, "list.sh", text)
    spec = gator.spec("!JobGroup\nident: top\njobs: !Include {command: ./list.sh}\n")
    done = gator("check", spec).expect(2)
    assert message in done.out
    assert "list.sh" in done.out


def test_a_program_that_does_not_end_is_ended_with_all_its_processes(
    gator: Gator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gator.cli.launch.specs import programs as spec_commands

    monkeypatch.setattr(spec_commands, "MAX_SECONDS", 0.5)
    program(gator, "list.sh", "sleep 1000 & echo $! > pid; echo waiting >&2; wait")
    with pytest.raises(ValueError, match=r"it ran for more than 0\.5 s: waiting"):
        spec_commands.run_included(["./list.sh"], str(gator.root))
    pid = int((Path(gator.root) / "pid").read_text())
    until(lambda: is_gone(pid), "the program's own process ended")
