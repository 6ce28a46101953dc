"""Prints single lines of output.

Invariant: without `--raw` no line contains control sequences other than colours.
"""

import sys
import time
from collections.abc import Iterator

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.runs.api import RunApi
from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun
from gator.console import describe
from gator.core.attempt.output.notices import is_notice
from gator.core.launch.printed import about_node
from gator.core.outcomes import decisive_attempt
from gator.core.visible import visible_line, visible_lines
from gator.runtime.text_encoding import is_utf8
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

PAGE = 10_000
"""Number of lines in a page."""
_MAX_OPEN = 1 << 20
"""Maximum number of bytes of an unfinished line that are held back."""


def lines(api: RunApi, request: qs.ListLinesRequest, page_size: int = PAGE) -> Iterator[query_pb2.Line]:
    """Yields all lines for a request, read page by page."""
    request.page_size = min(page_size, PAGE)
    for page in pages(api.list_lines, request):
        yield from page.lines


def print_left_out(opened: OpenRun, finished: event_pb2.AttemptFinished | None = None) -> None:
    """Prints on stderr which output the hub does not have, of an attempt if one is given; else nothing."""
    if left_out := opened.source.missing_output(finished):
        output.warn(f"gator: {left_out}")


class LineWriter:
    """Writes lines to stdout with the wanted details."""

    def __init__(
        self,
        *,
        long: bool,
        json: bool,
        names: bool = False,
        context: int = 0,
        raw: bool = False,
        whole: bool = False,
    ) -> None:
        """Writes to stdout; `whole` keeps all states of a line that overwrites itself, as any may match."""
        self.names = names
        """Whether each line begins with the path of its job."""
        self._context = context
        self._long, self._json, self._raw, self._whole = long, json, raw, whole
        self._colours = output.has_colour()
        self._out, self._encoding = sys.stdout.buffer, sys.stdout.encoding
        self._last: tuple[str, int, int] | None = None

    def write(self, line: query_pb2.Line) -> None:
        """Writes one line, or the lines of a message."""
        if self._json:
            print_json(line)
            return
        data = line.raw or line.text.encode("utf-8", "surrogateescape")
        if is_notice(data) and not self._raw:
            # The wrapper has recorded its text as a warning, which is a line of its own.
            return
        head = self._head(line)
        if self._raw:
            self._out.write(self._encoded(head) + data + b"\n")
            return
        for part in data.removesuffix(b"\n").split(b"\n"):
            text = visible_line(part, colours=self._colours, whole=self._whole)
            self._out.write(self._encoded(f"{head}{text}\n"))

    def _encoded(self, text: str) -> bytes:
        """Returns the bytes of a string formatted by Gator; escapes what the output cannot encode."""
        if is_utf8(self._encoding):
            return text.encode("utf-8", "surrogateescape")
        return text.encode(self._encoding, "backslashreplace")

    def separate(self, line: query_pb2.Line) -> None:
        """Writes a separator if lines before this one are omitted."""
        line_id = (line.path, line.stream, line.number)
        last, self._last = self._last, line_id
        if not self._json and last is not None and line_id != (last[0], last[1], last[2] + 1):
            self._out.write(b"--\n")

    def flush(self) -> None:
        """Flushes stdout."""
        self._out.flush()
        sys.stdout.flush()

    def _head(self, line: query_pb2.Line) -> str:
        mark = ":" if line.hit or not (self._long and self._context) else "-"
        parts: list[str] = []
        if self.names:
            parts.append(output.paint(line.path, "path"))
        origin = f"{describe.stream(line.stream)}:{line.number}" if line.number else line.logger or "api"
        if self._long:
            severity = describe.severity(line.severity)
            parts.append(_time(line.time_unix_nanos))
            parts.append(output.paint(f"{severity:8}", severity))
        if self._long or self.names:
            parts.append(output.paint(origin, "dim"))
        return f"{' '.join(parts)}{mark} " if parts else ""


class TerminalCleaner:
    """Makes the output of one attempt safe for a terminal, stream by stream.

    A line is returned when it is complete or too long to hold back.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._open: dict[int, bytes] = {}

    def feed(self, stream: int, data: bytes) -> bytes:
        """Returns the lines that `data` completes."""
        data = self._open.pop(stream, b"") + data
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) < _MAX_OPEN:
            self._open[stream] = rest
        else:
            end = len(data)
        return self._clean(data[:end])

    def finish(self) -> bytes:
        """Returns the unfinished lines, each terminated, so that the next output begins a line."""
        rest = b"".join(line + b"\n" for line in self._open.values() if line)
        self._open.clear()
        return self._clean(rest)

    def _clean(self, data: bytes) -> bytes:
        return visible_lines(data, colours=self._colours).encode()


def _time(unix_nanos: int) -> str:
    seconds, nanos = divmod(unix_nanos, 1_000_000_000)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{nanos // 1_000_000:03}"


def print_other_attempt(opened: OpenRun, node: query_pb2.Node) -> None:
    """Prints to stderr the command for the output of the other attempt of a flaky job.

    That is the failed one if the job passed, and the one that passed if the job failed.
    """
    if node.kind != common_pb2.NODE_KIND_JOB or node.attempts < 2:
        return
    shown = decisive_attempt(node.outcome, node.tally, node.attempts)
    if shown < node.attempts:
        about, other = f"{shown}, which failed; attempt {node.attempts} passed", node.attempts
    elif node.outcome == common_pb2.OUTCOME_PASSED:
        about, other = f"{shown}, which passed; attempt {shown - 1} did not pass", shown - 1
    else:
        return
    see = about_node("logs", node.path, opened.source.where, "--attempt", str(other))
    output.warn(f"gator: this is attempt {about}: {see}")
