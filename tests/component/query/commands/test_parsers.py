"""`gator parsers`: list, show, check and try."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gator.cli.main import app

DOCS = Path(__file__).parents[4] / "docs"
LOG = "src/a.c:3:5: error: 'head' undeclared\nmake: *** [Makefile:2: a.o] Error 1\n"


def parsers(*args: str, stdin: str = "", code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["parsers", *args], input=stdin, env={"NO_COLOR": "1"})
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_each_built_in_parser_is_listed_with_what_it_is_for() -> None:
    rows = [json.loads(line) for line in parsers("list", "--json").stdout.splitlines()]
    assert {row["name"] for row in rows} >= {"gcc", "uvm", "generic"}
    assert all(row["about"] and row["entries"] for row in rows)
    assert re.search(r"^gcc +GCC", parsers("list").stdout, re.MULTILINE)


def test_the_file_of_a_parser_is_printed_and_can_be_checked(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(parsers("show", "ninja").stdout)
    assert re.fullmatch(rf"{re.escape(str(file))}: fine, \d+ examples\n", parsers("check", str(file)).stdout)


def test_the_messages_in_a_log_are_printed() -> None:
    assert parsers("try", "auto", stdin=LOG).stdout.splitlines() == [
        "1: error (gcc, cause): src/a.c:3:5 'head' undeclared",
        "2: error (make, consequence): Makefile:2 a.o Error 1",
    ]
    assert [
        json.loads(line)["parser"] for line in parsers("try", "make", "--json", stdin=LOG).stdout.splitlines()
    ] == ["make"]


def test_a_summary_is_printed_as_a_metric() -> None:
    assert parsers("try", "uvm", stdin="UVM_ERROR :    2\n").stdout == ("1: metric (uvm): uvm_errors = 2\n")


def test_wrong_examples_and_slow_patterns_are_named(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "name: ours\nentries:\n"
        "- match: '^BAD (?P<code>\\w+)$'\n  examples:\n  - {text: BAD one, code: two}\n  - GOOD\n"
        "- match: '^\\d+ (?:a*b*)*$'\n  examples: [1 ab]\n"
        "others: [BAD day]\n"
    )
    assert parsers("check", str(file), code=2).stdout.splitlines() == [
        f"{file}:5:5: code is 'one', not 'two'",
        f"{file}:6:5: the example is recognised by no entry",
        f"{file}:9:10: the text is recognised by the entry ^BAD (?P<code>\\w+)$",
        f"{file}:7:3: each line is tested, because match has no text of 3 characters: add words (slow)",
    ]


def test_slow_patterns_alone_are_not_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\nentries:\n- match: '^info .*'\n")
    rows = [json.loads(line) for line in parsers("check", "--json", str(file)).stdout.splitlines()]
    assert [row["level"] for row in rows] == ["warning"]


def test_a_file_that_is_not_a_parser_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\nentries:\n- match: '(?=a)b'\n")
    assert "RE2 has no look-ahead" in parsers("check", str(file), code=2).stdout
    assert "cannot be read" in parsers("check", str(tmp_path / "none.yaml"), code=2).stdout


@pytest.mark.parametrize("command", ["check", "show", "try"])
def test_a_pipe_or_a_device_is_not_a_parser(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "ours.json"
    os.mkfifo(pipe)
    gator = [sys.executable, "-m", "gator", "parsers", command]
    for file in (pipe, Path("/dev/zero")) if command == "check" else (pipe,):
        ended = subprocess.run(
            [*gator, file], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
        assert ended.returncode == 2
        assert f"{file}" in ended.stdout + ended.stderr
        assert "cannot be read: is not a regular file" in ended.stdout + ended.stderr


def test_re2_prints_nothing_about_a_wrong_pattern(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\nentries:\n- match: '^(abc$'\n")
    assert "invalid RE2 pattern: missing )" in parsers("check", str(file), code=2).stdout
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["gccc", "./none.yaml"])
def test_an_unknown_parser_is_a_mistake_of_the_user(name: str) -> None:
    result = CliRunner().invoke(app, ["parsers", "try", name], input="")
    assert result.exit_code == 2 or result.exception is not None


def test_the_worked_example_of_the_documentation_is_right(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(name: ours\n.*?)```", (DOCS / "parsers.md").read_text(), re.DOTALL)
    assert found is not None
    file = tmp_path / "ours.yaml"
    file.write_text(found[1])
    assert parsers("check", str(file)).stdout == f"{file}: fine, 2 examples\n"


MATCHER = (
    '{"problemMatcher": [{"owner": "ours", "pattern": [\n'
    '  {"regexp": "^RULE (\\\\w+): (.*)$", "code": 1, "message": 2} // ours\n]}]}\n'
)


def test_files_with_problem_matchers_are_checked_shown_and_tried(tmp_path: Path) -> None:
    file = tmp_path / "matcher.json"
    file.write_text(MATCHER)
    assert parsers("check", str(file)).stdout == f"{file}: fine, 0 examples\n"
    assert (
        parsers("try", str(file), stdin="RULE CK1: bad\n").stdout
        == "1: error (github:ours, cause): CK1 bad\n"
    )
    converted = tmp_path / "ours.yaml"
    converted.write_text(parsers("show", str(file)).stdout)
    assert parsers("try", str(converted), stdin="RULE CK1: bad\n").stdout == (
        "1: error (github:ours, cause): CK1 bad\n"
    )
    file.write_text(MATCHER.replace("(.*)", "(?!x)(.*)"))
    assert f"{file}:2:29: regexp: RE2 has no look-ahead" in parsers("check", str(file), code=2).stdout


def test_a_matcher_of_vs_code_is_shown_and_tried_by_its_name() -> None:
    assert parsers("show", "$gcc").stdout.startswith("name: vscode:gcc\nentries:\n")
    assert (
        parsers("try", "$gcc", stdin=LOG).stdout
        == "1: error (vscode:gcc, cause): src/a.c:3:5 'head' undeclared\n"
    )
    wrong = parsers("show", "$gc", code=1).exception
    assert "unknown problem matcher '$gc': did you mean '$gcc'?" in str(wrong)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("name: auto\nentries: [{match: '^BAD '}]\n", "1:7", "auto names all built-in parsers"),
        ("name: ours\nentries: []\n", "2:10", "'entries' is empty"),
        ("name: ours\nentries: [{match: '.*'}]\n", "2:11", "match: the pattern matches any line"),
    ],
)
def test_a_parser_that_can_recognise_nothing_sensible_is_a_problem(
    tmp_path: Path, text: str, place: str, problem: str
) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(text)
    assert f"{file}:{place}: {problem}" in parsers("check", str(file), code=2).stdout
