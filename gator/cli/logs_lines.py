"""Prints single lines of output. Rule: a line's bytes are printed as they were written, whatever they are."""

import sys
import time
from collections.abc import Iterator

from gator.cli import output
from gator.cli.paging import pages
from gator.cli.selector_open import OpenRun, Questions
from gator.v1 import event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

PAGE = 10_000


def lines(ask: Questions, wanted: qs.ListLinesRequest) -> Iterator[query_pb2.Line]:
    """All lines that a request means, page by page."""
    wanted.page_size = PAGE
    for page in pages(ask.list_lines, wanted):
        yield from page.lines


def say_left_out(opened: OpenRun, finished: event_pb2.AttemptFinished | None = None) -> None:
    """Say on stderr what there would be to see elsewhere, of an attempt if one is given.

    Nothing is said where all is here.
    """
    if left_out := opened.home.left_out(finished):
        sys.stderr.write(f"gator: {left_out}\n")


class LineWriter:
    """Writes lines to stdout, each with as much as was asked for."""

    def __init__(self, *, long: bool, json: bool, names: bool = False, context: int = 0) -> None:
        self.names = names
        """Whether each line says its job."""
        self._context = context
        self._long, self._json = long, json
        self._out = sys.stdout.buffer
        self._last: tuple[str, int, int] | None = None

    def write(self, line: query_pb2.Line) -> None:
        """Write one line."""
        if self._json:
            output.say_json(line)
            return
        text = line.raw or line.text.encode("utf-8", "surrogateescape")
        self._out.write(self._head(line).encode() + text + b"\n")

    def separate(self, line: query_pb2.Line) -> None:
        """Write a mark where lines are left out before this one."""
        place = (line.path, line.stream, line.number)
        last, self._last = self._last, place
        if not self._json and last is not None and place != (last[0], last[1], last[2] + 1):
            self._out.write(b"--\n")

    def flush(self) -> None:
        """Let everything out."""
        self._out.flush()
        sys.stdout.flush()

    def _head(self, line: query_pb2.Line) -> str:
        mark = ":" if line.hit or not (self._long and self._context) else "-"
        parts: list[str] = []
        if self.names:
            parts.append(output.paint(line.path, "path"))
        place = f"{output.stream(line.stream)}:{line.number}" if line.number else line.logger or "api"
        if self._long:
            severity = output.severity(line.severity)
            parts.append(_time(line.time_unix_nanos))
            parts.append(output.paint(f"{severity:8}", severity))
        if self._long or self.names:
            parts.append(output.paint(place, "dim"))
        return f"{' '.join(parts)}{mark} " if parts else ""


def _time(unix_nanos: int) -> str:
    seconds, nanos = divmod(unix_nanos, 1_000_000_000)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{nanos // 1_000_000:03}"
