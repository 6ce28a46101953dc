"""A run and a terminal for displays: events are made up, the pty is real, its screen is simulated."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import termios
from collections.abc import Callable, Iterable
from typing import TextIO

from gator.console.text import cells
from gator.ports import Display, RunInfo, RunningJob
from gator.v1 import common_pb2, event_pb2

Make = Callable[..., Display]
"""Makes a display for many jobs."""

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(.)", re.DOTALL)

_END = b"\x1b[0z"
"""A sequence that is never used; what stands before it was written before it."""


class FakeRun:
    """What a display may ask for."""

    def __init__(self, **counts: int) -> None:
        self.tally = event_pb2.Tally(**counts)
        self.stopping = False
        self.jobs: list[RunningJob] = []

    def running(self, maximum: int) -> Iterable[RunningJob]:
        return self.jobs[:maximum]


def info(jobs: int = 100, *, single: bool = False, spec: str = "") -> RunInfo:
    return RunInfo(
        run="1" * 32,
        ident="top",
        spec=spec,
        folder="/runs/one",
        seed=7,
        jobs=jobs,
        single=single,
        command="echo hi" if single else "",
        cores=2,
    )


def failed(path: str, text: str = "boom", signature: str = "") -> event_pb2.Event:
    result = event_pb2.Result(
        outcome=common_pb2.OUTCOME_FAILED,
        reason=common_pb2.REASON_EXIT,
        message="exited with code 1",
        attempts=1,
        jobs=event_pb2.Tally(failed=1),
        first_failure=path,
        first_error=event_pb2.ErrorMessage(
            severity=common_pb2.SEVERITY_ERROR, text=text, stream=common_pb2.STREAM_STDERR, line=12
        ),
        signature=signature,
    )
    return event_pb2.Event(path=path, attempt=1, result=result)


def passed(path: str) -> event_pb2.Event:
    return event_pb2.Event(path=path, attempt=1, result=event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED))


def block(path: str, data: bytes, **more: object) -> event_pb2.Event:
    made = event_pb2.Block(
        stream=common_pb2.STREAM_STDOUT,
        severity=common_pb2.SEVERITY_INFO,
        encoding=event_pb2.Block.ENCODING_RAW,
        data=data,
        size_bytes=len(data),
    )
    for name, value in more.items():
        setattr(made, name, value)
    return event_pb2.Event(path=path, attempt=1, block=made)


class FakeTerminal:
    """A pty of some size, and the screen that a terminal would show of what was written to it.

    A line is kept whole and broken into rows of the width at hand, as terminals do that follow a resize.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.master, self.slave = pty.openpty()
        self.out: TextIO = os.fdopen(os.dup(self.slave), "w", encoding="utf-8")
        self.written = ""
        self.cursor_shown = True
        self._lines: list[list[str]] = [[]]
        self._row = 0
        self._column = 0
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        broken: list[list[str]] = []
        for number, line in enumerate(self._lines):
            if number == self._row:
                self._row = len(broken)
            pieces = [line[at : at + columns] for at in range(0, len(line), columns)] or [[]]
            broken += pieces
        self._lines = broken

    def close(self) -> None:
        self.out.close()
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self.slave = -1

    def read(self) -> None:
        """Take in all that has been written."""
        os.write(self.slave, _END)
        data = b""
        while not data.endswith(_END):
            assert select.select([self.master], [], [], 5)[0], "the end of what was written never came"
            data += os.read(self.master, 65536)
        text = data.removesuffix(_END).decode()
        self.written += text
        self._show(text)

    @property
    def screen(self) -> list[str]:
        return ["".join(line).rstrip() for line in self._lines]

    def _show(self, text: str) -> None:
        for code, kind, character in _TOKEN.findall(text):
            match kind, character:
                case "A", _:
                    self._row = max(0, self._row - int(code or 1))
                case "K", _:
                    del self._lines[self._row][self._column :]
                case "J", _:
                    del self._lines[self._row][self._column :]
                    del self._lines[self._row + 1 :]
                case (("h" | "l"), _):
                    assert code == "?25"
                    self.cursor_shown = kind == "h"
                case "m", _:
                    pass
                case _, "\r":
                    self._column = 0
                case _, "\n":
                    self._down()
                case _, character if character.isprintable() or cells(character) == 0:
                    self._put(character)
                case _:
                    raise AssertionError(f"a terminal would act on {kind or character!r}")

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append([])

    def _put(self, character: str) -> None:
        room = cells(character)
        if self._column + room > self.columns:
            self._column = 0
            self._down()
        line = self._lines[self._row]
        line += [" "] * (self._column - len(line))
        # The second cell of a wide character holds nothing.
        line[self._column : self._column + room] = [character, *[""] * (room - 1)]
        self._column += room


def lines(out: io.StringIO) -> list[str]:
    return [re.sub(r"^\[\d\d:\d\d:\d\d\] ", "", line) for line in out.getvalue().splitlines()]


def finished(code: int = 0) -> event_pb2.Event:
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_PASSED, exit_code=code)
    end.counts.info = 1
    return event_pb2.Event(path="top", attempt=1, attempt_finished=end)


STARTED = event_pb2.Event(path="top", attempt=1, started=event_pb2.Started(argv=["echo", "hi"]))
