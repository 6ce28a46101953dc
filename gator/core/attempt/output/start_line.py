"""Finds the line after which a job works, as `starts` in the spec describes it.

Invariant: until then each recorded progress says that the attempt is starting; afterwards none does.
"""

from collections.abc import Iterable

from gator.core.attempt.output.line_patterns import matched_lines
from gator.v1 import common_pb2, event_pb2


class StartLine:
    """The line of one attempt; an observer of its output."""

    __slots__ = ("_is_found", "_last", "_pattern", "is_over")

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._is_found = False
        self._last = event_pb2.Progress(starting=True)
        self.is_over = False
        """Whether the line was found and taken note of."""

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> list[event_pb2.LogEvent]:
        """Searches whole lines for the pattern; what is recorded of it follows from `take`."""
        del stream
        if not self._is_found:
            self._is_found = next(matched_lines(self._pattern, first_line, data), None) is not None
        return []

    def problems(self) -> list[str]:
        """Returns what is wrong if the attempt has ended: that it did not write the line."""
        if self.is_over:
            return []
        return [f"wrote no line of the pattern `starts: {self._pattern}`, so its timeout did not begin"]

    @property
    def progress(self) -> event_pb2.Progress:
        """The last progress."""
        return self._last

    def take(self, events: Iterable[event_pb2.Event]) -> event_pb2.Progress | None:
        """Marks the progress in events about output that was searched.

        Returns the progress to record after them once the line is found; else None.
        """
        if self.is_over:
            return None
        for event in events:
            if event.HasField("progress"):
                event.progress.starting = True
                self._last = event.progress
        if not self._is_found:
            return None
        self.is_over = True
        progress = event_pb2.Progress()
        progress.CopyFrom(self._last)
        progress.starting = False
        return progress
