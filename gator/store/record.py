"""The queries about one run that have the same implementation for a folder and for a hub."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from gator.core.causes.signature import is_current
from gator.store.blocks import decode
from gator.store.catalogue.reader import CatalogueReader
from gator.store.signing import signed_end
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

_IN_EVENTS = (attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)


class RecordReader(CatalogueReader, ABC):
    """The catalogue and the events of one run, as the base of implementations of `gator.query.Reader`."""

    @abstractmethod
    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Implements `gator.query.Reader.events`."""

    def attempts(self, path: str, *, started: bool = True) -> list[query_pb2.Attempt]:
        """Implements `gator.query.Reader.attempts`. Command lines and metrics are only in the events."""
        attempts = super().attempts(path)
        for attempt in attempts if started else ():
            events, _ = self.events(attempt.store, 0, 10, path=path, attempt=attempt.number, kinds=_IN_EVENTS)
            for event in events:
                if event.HasField("started"):
                    attempt.started.CopyFrom(event.started)
                elif attempt.HasField("finished"):
                    attempt.finished.CopyFrom(self._end(path, attempt, event.attempt_finished))
        return attempts

    def _end(
        self, path: str, attempt: query_pb2.Attempt, end: event_pb2.AttemptFinished
    ) -> event_pb2.AttemptFinished:
        return end if is_current(end.signature) or not end.signature else signed_end(self, path, attempt, end)

    def recorded_attempts(self, path: str) -> list[query_pb2.Attempt]:
        """Implements `gator.store.signing.AttemptRecord`."""
        return super().attempts(path)

    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """Implements `gator.query.Reader.bytes_of`."""
        return decode(block)
