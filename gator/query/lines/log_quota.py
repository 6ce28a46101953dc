"""The first messages of each attempt, for a watch that wants no more of them.

Rule: which ones these are depends on the store alone, so nothing of it has to be handed from watch to watch.
"""

from collections import OrderedDict
from typing import Final

from gator.query.reader import Reader
from gator.v1 import attach_pb2, event_pb2

_MAX_KEPT: Final = 1000
"""Attempts whose numbers are remembered; those of others are looked up when they speak again."""
_READ_AT_ONCE: Final = 500


class LogQuota:
    """Lets so many messages of each attempt pass that stand in one store."""

    def __init__(self, reader: Reader, wanted: attach_pb2.EventFilter) -> None:
        self._reader = reader
        self._limit, self._severity = wanted.logs_per_attempt, wanted.severity
        self._counts: OrderedDict[tuple[str, str, int], int] = OrderedDict()

    def admits(self, store: str, event: event_pb2.Event) -> bool:
        """Whether an event may go that passed the rest of the filter. Changes nothing."""
        return not self._limit or not event.HasField("log") or self._before(store, event) < self._limit

    def count(self, store: str, event: event_pb2.Event) -> None:
        """It went, or did not: in any case it was its turn."""
        if not self._limit or not event.HasField("log"):
            return
        key = (store, event.path, event.attempt)
        self._counts[key] = self._before(store, event) + 1
        self._counts.move_to_end(key)
        if len(self._counts) > _MAX_KEPT:
            self._counts.popitem(last=False)

    def _before(self, store: str, event: event_pb2.Event) -> int:
        """Messages of its attempt that stand before an event, as far as they matter."""
        known = self._counts.get((store, event.path, event.attempt))
        if known is not None:
            return known
        count = after = 0
        while count < self._limit:
            found, through = self._reader.events(
                store,
                after,
                min(self._limit, _READ_AT_ONCE),
                path=event.path,
                attempt=event.attempt,
                kinds=[attach_pb2.EVENT_KIND_LOG],
                severity=self._severity,
            )
            count += sum(one.seq < event.seq and one.attempt == event.attempt for one in found)
            if through <= after or through >= event.seq:
                break
            after = through
        return count
