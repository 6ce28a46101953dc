"""Which display a run gets, and the terminal that all of them write on."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from gator.console import make_display
from gator.console.live import LiveDisplay
from gator.console.plain import PlainDisplay
from gator.console.single import SingleDisplay
from gator.console.summary import no_earlier_runs
from gator.console.terminal import Terminal
from tests.component.console.support import (
    FakeTerminal,
)


def test_the_display_fits_the_occasion(terminal: FakeTerminal, out: io.StringIO):
    def kind(stream: TextIO, *, single: bool = False, quiet: bool = False, progress: bool = False):
        made = make_display(
            stream,
            single=single,
            quiet=quiet,
            verbose=False,
            all_messages=False,
            progress=progress,
            environment={"TERM": "xterm"},
            find_earlier_runs=no_earlier_runs,
        )
        return type(made)

    assert kind(out) is PlainDisplay
    assert kind(out, single=True) is SingleDisplay
    assert kind(out, single=True, quiet=True) is PlainDisplay
    assert kind(terminal.out, progress=True) is LiveDisplay
    assert kind(terminal.out, progress=True, quiet=True) is PlainDisplay


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="latin-1") as stream, os.fdopen(reading, "rb", closefd=False):
        yield reading, stream
    os.close(reading)


def test_what_an_encoding_lacks_is_written_as_escapes(pipe: tuple[int, TextIO]):
    reading, stream = pipe
    printer = Terminal(stream, colour=False)
    printer.line("é 🐊 …")
    assert os.read(reading, 100) == b"\xe9 \\U0001f40a \\u2026\n"
    assert printer.plain_characters


def test_a_reader_that_went_away_silences_the_display(tmp_path: Path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        printer = Terminal(stream, colour=False)
        os.close(reading)
        printer.line("one")
        printer.line("two")
        stream.flush()


def test_a_descriptor_that_does_not_block_loses_nothing(tmp_path: Path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w") as stream:
        printer = Terminal(stream, colour=False)
        for _ in range(300):
            printer.write("x" * 1000 + "\n")
        assert not printer.ready()
        os.set_blocking(reading, False)
        taken = 0
        while not printer.ready():
            taken += len(os.read(reading, 1 << 20))
        taken += len(os.read(reading, 1 << 20))
    os.close(reading)
    assert taken == 300 * 1001
