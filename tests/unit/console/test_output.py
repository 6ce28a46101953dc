"""What commands print, whatever is in it."""

import pytest

from gator.cli import output
from gator.cli.json_output import print_json


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_gets_no_orders_from_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    output.echo("x=\x1b[31mred\x07\x1b]0;title\x9b2J \ta\nb\r")
    assert capsys.readouterr().out == r"x=\x1b[31mred\x07\x1b]0;title\x9b2J " + "\ta" + r"\nb\r" + "\n"


def test_colours_reach_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.echo(output.paint("failed", "failed") + "\x1b[2J")
    assert capsys.readouterr().out == "\x1b[31mfailed\x1b[0m" + r"\x1b[2J" + "\n"


def test_only_the_colours_of_gator_reach_a_terminal_and_end_with_the_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.echo("\x1b[8mhidden\x1b[31mred")
    output.echo(output.paint("top/\x1b[32m\u202ex", "path"))
    assert capsys.readouterr().out == (
        "\\x1b[8mhidden\x1b[31mred\x1b[0m\n\x1b[36mtop/\\x1b[32m\\u202ex\x1b[0m\n"
    )


def test_cells_of_columns_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    output.echo_columns([("a\nb", "x"), ("c", "\u202ey")])
    assert capsys.readouterr().out == "a\\nb  x\nc     \\u202ey\n"


def test_columns_are_aligned_by_the_cells_that_a_terminal_shows(capsys: pytest.CaptureFixture[str]) -> None:
    output.echo_columns([("日本", "x"), ("abcde", "y")], right=frozenset((1,)))
    assert capsys.readouterr().out == "日本   x\nabcde  y\n"


def test_json_has_words_for_numbers_that_it_does_not_know_and_nothing_that_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"a": [float("inf"), -float("inf"), float("nan"), 1.5], "b": "é\u202e\x9b\x1b"})
    print_json("a\x7f")
    assert capsys.readouterr().out == (
        '{"a":["Infinity","-Infinity","NaN",1.5],"b":"é\\u202e\\u009b\\u001b"}\n"a\\u007f"\n'
    )
