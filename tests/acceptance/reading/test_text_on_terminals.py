"""What strangers write reaches a terminal without anything that it obeys, and a file byte for byte."""

import json
import os
import pty
import sys
from collections.abc import Sequence

import pytest

from tests.acceptance.support import Gator

OUT = b"\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m \xe2\x80\xaex \x00 \x9b 10%\r 20%\r\nplain\n\x1b]0;ti"
ERR = b"bad \x1b[5m\xe2\x80\xa8\x1b[2J\n"
JOB = f"import sys; sys.stdout.buffer.write({OUT!r}); sys.stderr.buffer.write({ERR!r}); sys.exit(1)"
SPEC = f"!Job {{ident: evil, command: {sys.executable}, args: [-c, {json.dumps(JOB)}]}}\n"


def on_terminal(gator: Gator, *words: str) -> str:
    """What a command writes to a terminal that shows colours."""
    master, slave = pty.openpty()
    run = gator.start(*words, terminal=slave, env={"TERM": "xterm"})
    os.close(slave)
    read = bytearray()
    try:
        while piece := os.read(master, 65_536):
            read += piece
    except OSError:
        pass  # the last writer has gone
    os.close(master)
    run.wait()
    return read.decode("utf-8", "replace").replace("\r\n", "\n")


def obeyed(text: str) -> Sequence[str]:
    """What a terminal would obey in a text, the colours of Gator and of the job left aside."""
    rest = text
    for code in ("0", "31", "1;31", "2", "1", "36", "33"):
        rest = rest.replace(f"\x1b[{code}m", "")
    return [character for character in rest if not (character.isprintable() or character in "\n\t")]


@pytest.mark.parametrize(
    "words",
    [
        ("logs",),
        ("logs", "-l"),
        ("logs", "-f"),
        ("logs", "--tail", "9"),
        ("logs", "--first-error"),
        ("grep", "e"),
        ("grep", "--long", "."),
        ("show",),
        ("failures",),
        ("status",),
    ],
)
def test_no_command_lets_a_terminal_obey_a_job(gator: Gator, words: Sequence[str]) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    shown = on_terminal(gator, *words)
    assert shown
    assert not obeyed(shown)


def test_a_file_gets_what_the_job_wrote_and_a_terminal_the_last_state_of_a_bar(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    file = gator.root / "file"
    gator.start("logs", "-s", "stdout", prefix=("sh", "-c", f'exec "$@" > {file}', "sh")).wait().expect(0)
    assert file.read_bytes() == OUT
    assert on_terminal(gator, "logs", "--raw", "-s", "stdout").startswith("\x1b]0;title\x07\x1b[2J")
    shown = on_terminal(gator, "logs", "-s", "stdout")
    assert shown.split("\n") == [" 20%", "plain", "", ""]
