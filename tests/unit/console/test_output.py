"""What commands print, whatever is in it."""

import pytest

from gator.cli import output


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_gets_no_orders_from_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("x=\x1b[31mred\x07\x1b]0;title\x9b2J \ta\nb\r")
    assert capsys.readouterr().out == r"x=\x1b[31mred\x07\x1b]0;title\x9b2J " + "\ta\nb" + r"\r" + "\n"


def test_colours_reach_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.say(output.paint("failed", "failed") + "\x1b[2J")
    assert capsys.readouterr().out == "\x1b[1;31mfailed\x1b[0m" + r"\x1b[2J" + "\n"
