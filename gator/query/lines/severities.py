"""Severities of lines that have their own.

Invariant: an event of an attempt is read once.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from gator.core.pages import JobAttempt, Over
from gator.query.reader import Reader, read_to_end
from gator.v1 import attach_pb2, event_pb2

_READ_AT_ONCE = 1000
_MAX_ATTEMPTS = 16
_MAX_LINES = 100_000
"""Maximum number of lines per attempt; further ones have the severity of their stream."""


def levels_in(events: Iterable[event_pb2.Event]) -> dict[tuple[int, int], int]:
    """Returns the severities of lines that have their own, from all events of an attempt."""
    return {
        (event.log.stream, event.log.line): event.log.severity
        for event in events
        if event.HasField("log") and event.log.line
    }


class LineSeverities:
    """The severities of one attempt."""

    __slots__ = ("_lock", "_through", "by_line")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._through = 0
        self.by_line: dict[tuple[int, int], int] = {}
        """Severities by stream and number of the line."""

    def read_on(self, reader: Reader, attempt: JobAttempt, over: Over) -> bool:
        """Reads new events. Returns False if `over` returned true before all were read."""
        with self._lock:
            for events, through in read_to_end(
                reader,
                attempt.store,
                self._through,
                _READ_AT_ONCE,
                path=attempt.path,
                attempt=attempt.number,
                kinds=[attach_pb2.EVENT_KIND_LOG],
            ):
                for event in events:
                    if event.log.line and len(self.by_line) < _MAX_LINES:
                        self.by_line[event.log.stream, event.log.line] = event.log.severity
                self._through = through
                if over():
                    return False
            return True


class SeverityCache:
    """The severities of recently read attempts. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int], LineSeverities] = OrderedDict()

    def of(self, attempt: JobAttempt) -> LineSeverities:
        """Returns the severities of an attempt, read up to now."""
        key = (attempt.store, attempt.path, attempt.number)
        with self._lock:
            levels = self._kept.setdefault(key, LineSeverities())
            self._kept.move_to_end(key)
            if len(self._kept) > _MAX_ATTEMPTS:
                self._kept.popitem(last=False)
            return levels
