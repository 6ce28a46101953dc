"""Observers of the output of an attempt: they read its lines and record payloads, but change no counts.

An observer is one class with `on_lines`. `observers_of` makes those that only record something. An observer
that its attempt asks about what it saw, such as for `expect`, is made by `AttemptContext`. Parsers and
commands are not observers, because they change the severity of lines: `parsing` calls them in their order.
"""

from collections.abc import Sequence
from typing import Protocol

from gator.core.attempt.commands import OutputPayload
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.notices import GATOR_LOGGER, MAX_NOTICES, find_notices
from gator.v1 import common_pb2, event_pb2, spec_pb2

MAX_LINE_BYTES = 512 * 1024
"""Maximum length of a line that observers get at once. Longer ones come in pieces with the same number."""


class OutputObserver(Protocol):
    """Recognises something in the output of one attempt.

    Called every 80 ms while there is output, or for every few KiB of it, so its work should depend on the
    bytes and not on the number of lines. Observers see all output, also if it is not stored.
    """

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> Sequence[OutputPayload]:
        r"""Returns what to record about the lines in `data`, in order.

        `first_line` is the number of the first one, from 1. All lines are complete and end with `\n`, except
        the last line of a stream, which may lack it.

        A message with `line` set gives that line its severity and is not listed as a message of its own. The
        messages are not counted, so they neither reach a limit nor fail the attempt.
        """
        ...


class NoticeObserver:
    """Records the notices of a job's client as warnings of Gator."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found = 0

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> list[event_pb2.LogEvent]:
        """Returns a warning for each notice, up to a maximum per attempt."""
        del stream, first_line
        texts = find_notices(data)
        room = max(MAX_NOTICES - self._found, 0)
        self._found += len(texts)
        return [
            event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text=text, logger=GATOR_LOGGER)
            for text in texts[:room]
        ]


def observers_of(job: spec_pb2.Job, metrics: AttemptMetrics) -> tuple[OutputObserver, ...]:
    """Returns the observers that only record what the output of an attempt says, in the order of calls."""
    if not job.settings.metrics:
        return (NoticeObserver(),)
    # Few jobs take metrics from lines.
    from gator.core.attempt.output.metric_lines import MetricLines

    return NoticeObserver(), MetricLines(job.settings.metrics, metrics)


class LineAssembler:
    """Joins the lines of one stream that the end of a block has cut."""

    __slots__ = ("_last_line", "_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._last_line = 0

    def take(self, first_line: int, data: bytes) -> bytes:
        """Adds the data of the next block, in which line `first_line` begins or continues.

        Returns the lines that are complete now, maybe none; they begin in line `first_line`.
        """
        end = data.rfind(b"\n") + 1
        if not end and self._size + len(data) > MAX_LINE_BYTES:
            end = len(data)
        if end == len(data) and not self._pieces:
            # The usual case under load, in which nothing is copied.
            return data
        complete = b""
        if end:
            complete = b"".join((*self._pieces, data[:end]))
            self._pieces.clear()
            self._size = 0
            self._last_line = first_line + data.count(b"\n", 0, end)
        elif not self._pieces:
            self._last_line = first_line
        if end < len(data):
            self._pieces.append(data[end:])
            self._size += len(data) - end
        return complete

    def partial(self) -> bytes:
        """Returns the last line as far as it was read, if it lacks its end; else no bytes."""
        return b"".join(self._pieces)

    def finish(self) -> tuple[int, bytes]:
        """Returns the last line, if it lacks its end, with its number; else no bytes."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return self._last_line, rest
