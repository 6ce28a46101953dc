"""Selects the progress of a job that is recorded as events."""

from typing import Final

from gator.core.text import cut
from gator.v1 import common_pb2, event_pb2

MAX_TEXTS: Final = 1_000
"""Maximum number of changes of the text alone that are recorded; later ones need another whole percent."""
MAX_DEPTH: Final = 32
"""Maximum depth of groups whose titles are kept."""


class ProgressFilter:
    """The progress of one attempt, and the open groups of each stream."""

    __slots__ = ("_groups", "_last", "_percent", "_texts")

    def __init__(self) -> None:
        self._last = event_pb2.Progress()
        self._percent = -1
        self._texts = 0
        self._groups: dict[common_pb2.Stream.ValueType, list[str]] = {}

    def take(self, progress: event_pb2.Progress) -> event_pb2.Progress | None:
        """Returns a progress if its text or its whole percent differs from the last one; else None."""
        percent = -1
        if progress.HasField("total"):
            percent = int(100 * min(progress.done / progress.total, 1))
        if percent == self._percent:
            if progress.text == self._last.text or self._texts >= MAX_TEXTS:
                return None
            self._texts += 1
        self._percent, self._last = percent, progress
        return progress

    def begin(self, stream: common_pb2.Stream.ValueType, title: str) -> event_pb2.Progress | None:
        """Begins a group, whose title becomes the text of the progress."""
        groups = self._groups.setdefault(stream, [])
        if len(groups) < MAX_DEPTH:
            groups.append(title)
        return self._with_text(title)

    def end(self, stream: common_pb2.Stream.ValueType) -> event_pb2.Progress | None:
        """Ends the innermost group; the title of the group around it is shown again."""
        groups = self._groups.get(stream)
        if not groups:
            return None
        groups.pop()
        return self._with_text(groups[-1] if groups else "")

    def _with_text(self, text: str) -> event_pb2.Progress | None:
        """Returns the last amount with another text."""
        progress = event_pb2.Progress()
        progress.CopyFrom(self._last)
        progress.text = cut(text)
        return self.take(progress)
