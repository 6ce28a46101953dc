"""The store of a live daemon, read for a display."""

from collections.abc import Sequence
from pathlib import Path

from gator.store import Reader
from gator.v1 import attach_pb2, event_pb2


class LiveSource:
    """A store that another daemon writes, read for a display."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader.open(path)

    def read(
        self, after: int, wanted: attach_pb2.EventFilter, limit: int
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Events after a place that pass, and the place that was read up to."""
        part = self._reader.events(after, wanted, limit)
        return part.events, part.through

    def close(self) -> None:
        """Reads no more."""
        self._reader.close()
