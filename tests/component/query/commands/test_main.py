"""The command line around the commands."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gator import __version__
from gator.cli.follow.print_lines import LineWriter
from gator.cli.main import app, load, main, with_default_command
from gator.cli.registry import COMMANDS
from gator.core.attempt.output.notices import notice_line
from gator.errors import UsageError
from gator.v1 import query_pb2


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"gator {__version__}\n")


def test_the_help_names_every_command() -> None:
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    for name, command in COMMANDS.items():
        assert name in text
        assert command.help[:30] in text


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_help_with_an_example(name: str) -> None:
    command = load(name, COMMANDS[name])
    assert command.help
    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert COMMANDS[name].examples[0] in result.stdout


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (["spec.yaml"], ["run", "spec.yaml"]),
        (["spec.yml", "-j", "2"], ["run", "spec.yml", "-j", "2"]),
        (["-"], ["run", "-"]),
        (["-j", "2", "spec.yaml"], ["run", "-j", "2", "spec.yaml"]),
        (["--quiet", "-"], ["run", "--quiet", "-"]),
        (["status"], ["status"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["nothing"], ["nothing"]),
        ([], []),
    ],
)
def test_a_spec_in_place_of_a_command_means_run(args: list[str], meant: list[str]) -> None:
    assert with_default_command(args) == meant


def test_any_file_that_exists_may_be_a_spec(tmp_path: Path) -> None:
    spec = tmp_path / "regression"
    spec.write_text("")
    assert with_default_command([str(spec)])[0] == "run"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stauts", "no such command 'stauts': did you mean 'status'? (see gator -h)"),
        ("status --bogus", "unknown option --bogus: see gator status -h"),
        ("runs --labels x", "unknown option --labels: did you mean --label?"),
        ("logs x -C many", "-C many: must be a whole number, at least 0"),
        ("logs x --tail -4", "--tail -4: must be a whole number, at least 0"),
        ("hub serve --port 99999999", "--port 99999999: must be a whole number from 0 to 65535"),
        ("hub check -P abc", "--port abc: must be a whole number from 1 to 65535"),
        ("hub backup", "missing argument 'FILE' (see gator hub backup -h)"),
        ("run x.yaml --text-logs most", "--text-logs most: must be one of failed, all, none"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line_as_every_mistake(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(line.split())
    assert end.value.code == 2
    assert capsys.readouterr().err == f"gator: {said}\n"


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["hub"])
    assert end.value.code == 2
    assert "serve" in capsys.readouterr().out


def test_a_number_that_nothing_can_hold_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text('!Job {command: "true"}\n')
    with pytest.raises(SystemExit) as end:
        main(["run", str(spec), "--limit-error", "99999999999999999999"])
    assert end.value.code == 2
    said = "must be a whole number from 0 to 9007199254740992, or none for no limit"
    assert capsys.readouterr().err == f"gator: --limit-error 99999999999999999999: {said}\n"


@pytest.mark.parametrize("address", ["-q", "", "unix", "unix:", "80", ":80", "host:", "host:0", "host:70000"])
def test_text_that_is_not_an_address_of_a_parent_is_refused_before_anything_starts(
    tmp_path: Path, address: str
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text('!Job {command: "true"}\n')
    with pytest.raises(UsageError, match="must be the address in"):
        CliRunner().invoke(app, ["run", str(spec), "--parent", address], catch_exceptions=False)


def test_nothing_is_imported_before_an_interrupt_ends_the_process_quietly() -> None:
    script = "import sys; old = set(sys.modules); import gator.__main__; print(*sorted({*sys.modules} - old))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    new = {name for name in done.stdout.split() if name not in sys.builtin_module_names}
    assert new == {"gator", "gator.__main__"}


def test_the_installed_command_and_the_module_enter_at_the_same_function() -> None:
    (script,) = entry_points(group="console_scripts", name="gator")
    assert script.value == "gator.__main__:main"


@pytest.mark.parametrize("number", ["abc", "-1", "²"])
def test_a_wrong_number_of_cores_around_a_run_is_refused(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATOR_CORES", number)
    spec = tmp_path / "spec.yaml"
    spec.write_text("!Job {ident: a, command: echo}")
    with pytest.raises(SystemExit) as end:
        main(["run", str(spec), "--dry-run"])
    assert end.value.code == 2
    assert (
        capsys.readouterr().err
        == f"gator: GATOR_CORES={number}: must be a whole number of cores, or unset it\n"
    )


def test_a_notice_of_a_client_is_not_a_line_of_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    writer = LineWriter(long=True, json=False)
    writer.write(query_pb2.Line(path="a", number=1, text=notice_line("no longer recorded").decode()))
    writer.flush()
    assert capsysbinary.readouterr().out == b""
