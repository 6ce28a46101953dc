"""Passes the first messages of each attempt, for watches that ask for no more.

Invariant: the passed messages depend only on the store, so no state is passed from watch to watch.
"""

from collections import OrderedDict
from typing import Final

from gator.query.reader import Reader, read_to_end
from gator.v1 import attach_pb2, event_pb2

_MAX_KEPT: Final = 1000
"""Maximum number of attempts whose counts are kept; others are counted again."""
_READ_AT_ONCE: Final = 500


class LogQuota:
    """Passes a number of messages of each attempt in one store."""

    def __init__(self, reader: Reader, event_filter: attach_pb2.EventFilter) -> None:
        self._reader = reader
        self._limit, self._severity = event_filter.logs_per_attempt, event_filter.severity
        self._counts: OrderedDict[tuple[str, str, int], int] = OrderedDict()

    def admits(self, store: str, event: event_pb2.Event) -> bool:
        """Returns whether an event that matches the filter is within the quota. Changes no state."""
        return not self._limit or not event.HasField("log") or self._before(store, event) < self._limit

    def count(self, store: str, event: event_pb2.Event) -> None:
        """Counts an event, whether it was passed or not."""
        if not self._limit or not event.HasField("log"):
            return
        key = (store, event.path, event.attempt)
        self._counts[key] = self._before(store, event) + 1
        self._counts.move_to_end(key)
        if len(self._counts) > _MAX_KEPT:
            self._counts.popitem(last=False)

    def _before(self, store: str, event: event_pb2.Event) -> int:
        """Returns the number of messages of the attempt before an event, up to the quota."""
        known = self._counts.get((store, event.path, event.attempt))
        if known is not None:
            return known
        count = 0
        for logs, through in read_to_end(
            self._reader,
            store,
            0,
            min(self._limit, _READ_AT_ONCE),
            path=event.path,
            attempt=event.attempt,
            kinds=[attach_pb2.EVENT_KIND_LOG],
            severity=self._severity,
        ):
            count += sum(log.seq < event.seq and log.attempt == event.attempt for log in logs)
            if count >= self._limit or through >= event.seq:
                break
        return count
