"""`check`, `plan`, `run --dry-run` and `run` agree on what can run, in text and exit code."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gator.cli.main import main

HEAD = "!JobGroup\nident: top\nlicenses: {Sim: 2}\njobs:\n"
LONG = "x" * (128 * 1024)
REFUSED: dict[str, tuple[str, list[str]]] = {
    "a license that is never had": ('- !Job {command: "true", resources: [!License [Sim, 3]]}', []),
    "more of it than the option gives": (
        '- !Job {command: "true", resources: [!License [Sim, 2]]}',
        ["--license", "Sim=1"],
    ),
    "more memory than the option gives": (
        '- !Job {command: "true", resources: [!Memory 2GB]}',
        ["--memory", "1GB"],
    ),
    "an unknown key": ('- !Job {command: "true", timeoutt: 3}', []),
    "an unknown name": ('- !Job {command: "true", on_pass: missing}', []),
    "one argument above 128 KiB": (f'- !Job {{command: echo, args: [a, "{LONG}"]}}', []),
    "one variable above 128 KiB": (f'- !Job {{command: echo, env: {{A: "{LONG}"}}}}', []),
    "an argument that its variables make too long": (
        f'- !Job {{command: echo, args: ["$A$A$A"], env: {{A: "{LONG[: 1 << 16]}"}}}}',
        [],
    ),
    "a value that a script cannot take": ('- !Job {shell: "cd ${{ run.dir }}"}', []),
}


def outcome(
    capsys: pytest.CaptureFixture[str], command: Sequence[str], spec: str, options: Sequence[str]
) -> tuple[int, list[str]]:
    """Returns the exit code of a command and the lines about errors that it prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([*command, spec, *options])
    printed = capsys.readouterr()
    assert isinstance(end.value.code, int)
    lines = (printed.out if command == ["check"] else printed.err).splitlines()
    return end.value.code, [
        line
        for line in lines
        if line.startswith(f"{spec}:") and ": warning: " not in line and "fine" not in line
    ]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in whose name a script cannot take."""
    folder = tmp_path / "a b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GATOR_TRACKING", raising=False)
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_run_is_refused_alike_and_leaves_nothing_behind(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job, options = REFUSED[name]
    Path("s.yaml").write_text(HEAD + job + "\n")
    code, lines = outcome(capsys, ["check"], "s.yaml", options)
    assert code == 2
    assert lines
    assert all(line.startswith("s.yaml:5:") for line in lines), lines
    for command in (["plan"], ["run", "--dry-run"], ["run"]):
        assert outcome(capsys, command, "s.yaml", options) == (code, lines), command
    assert [path.name for path in place.iterdir()] == ["s.yaml"]


JOBS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3), st.integers(1, 3)),
    min_size=1,
    max_size=4,
)


@pytest.mark.usefixtures("place")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JOBS, st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))
def test_any_demands_and_pools_are_decided_alike(
    capsys: pytest.CaptureFixture[str],
    jobs: list[tuple[int, int, int, int]],
    cores: int,
    memory: int,
    licenses: int,
) -> None:
    items = [
        f"- !JobArray\n  repeats: {repeats}\n  jobs:\n  - !Job {{command: 'true', resources: "
        f"[!Cores {c}, !Memory {m}GB, !License [Sim, {n}]]}}\n"
        for c, m, n, repeats in jobs
    ]
    Path("s.yaml").write_text(HEAD + "".join(items))
    options = ["-j", str(cores), "--license", f"Sim={licenses}"]
    options += ["--memory", f"{memory}GB"] if memory else []
    code, lines = outcome(capsys, ["check"], "s.yaml", options)
    refused = any(n > licenses or (memory and m > memory) for _, m, n, _ in jobs)
    assert (code, bool(lines)) == (2 if refused else 0, refused), lines
    for command in (["plan"], ["run", "--dry-run"], *([["run"]] if refused else [])):
        assert outcome(capsys, command, "s.yaml", options) == (code, lines), command


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--memory", "much"], "--memory much: "),
        (["--license", "Sim"], "--license Sim: "),
        (["--sched-arg", "speed=1"], "unknown --sched-arg 'speed=1': "),
        (["--timeout", "0"], "--timeout 0: must be more than 0, or none for no limit"),
        (["--deadline", "soon"], "--deadline soon: "),
        (["--limit-error", "few"], "--limit-error few: must be a whole number"),
        (["--max-fail", "0"], "--max-fail 0: must be a whole number from 1 "),
        (["--id", "a/b"], "--id a/b: "),
        (["--seed", "0"], "--seed 0: "),
    ],
)
def test_a_wrong_option_is_refused_alike(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.yaml").write_text(HEAD + '- !Job {command: "true"}\n')
    for command in (["check"], ["plan"], ["run", "--dry-run"], ["run"]):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*command, "s.yaml", *options])
        printed = capsys.readouterr()
        assert (end.value.code, said in printed.err + printed.out) == (2, True), (command, printed)
    assert [path.name for path in Path().iterdir()] == ["s.yaml"]


@pytest.mark.usefixtures("place")
def test_warnings_stand_beside_errors(capsys: pytest.CaptureFixture[str]) -> None:
    job = '- !Job {ident: a, command: "cd /tmp && ls"}\n'
    for wrong in ('- !Job {command: "true", timeoutt: 3}\n', '- !Job {command: "true", on_pass: b}\n'):
        Path("s.yaml").write_text(HEAD + job + wrong)
        with pytest.raises(SystemExit):
            main(["check", "s.yaml"])
        error, warning = capsys.readouterr().out.splitlines()
        assert error.startswith("s.yaml:6:")
        assert warning == (
            "s.yaml:5:3: warning: there is no program 'cd /tmp && ls': "
            "'command' is one program, not a shell command: put arguments in 'args', or use 'shell'"
        )


@pytest.mark.usefixtures("place")
def test_a_program_whose_name_has_blanks_is_not_a_line_of_shell(capsys: pytest.CaptureFixture[str]) -> None:
    program = Path("my tool")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    jobs = [
        '- !Job {command: "./my tool"}\n',
        '- !Job {command: "my tool", env: {PATH: "' + str(Path.cwd()) + '"}}\n',
    ]
    Path("s.yaml").write_text(HEAD + "".join(jobs))
    with pytest.raises(SystemExit):
        main(["check", "s.yaml"])
    assert capsys.readouterr().out == "s.yaml: fine\n"


@pytest.mark.usefixtures("place")
def test_a_value_from_gator_is_not_a_line_of_shell(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [
        '- !Job {command: "${{ gator.python }}", args: ["-V"]}\n',
        '- !Job {command: "./sim-${{ seed }}"}\n',
        '- !Job {command: "${{ gator.python }} -V"}\n',
    ]
    Path("s.yaml").write_text(HEAD + "".join(jobs))
    with pytest.raises(SystemExit):
        main(["check", "s.yaml"])
    line, _ = capsys.readouterr().out.splitlines()
    assert line.startswith("s.yaml:7:3: warning: there is no program '${{ gator.python }} -V': ")


@pytest.mark.usefixtures("place")
def test_of_many_jobs_that_can_never_run_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [f'- !Job {{ident: j{n}, command: "true", resources: [!License [Sim, 3]]}}\n' for n in range(30)]
    Path("s.yaml").write_text(HEAD + "".join(jobs))
    _, lines = outcome(capsys, ["run"], "s.yaml", [])
    assert len(lines) == 10
    assert lines[-1].endswith(" (and the same for 20 more jobs)")
