"""Reading stores of other daemons of the run: a dead one to its end, a live one for a display.

Invariant: the stores are only read.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from gator.core.tree.restored import Past
from gator.daemon.fleet import PARENT_FILTER, SUBSCRIPTION
from gator.errors import StoreError
from gator.event_kinds import LIFECYCLE_KINDS
from gator.store import Reader
from gator.v1 import attach_pb2, event_pb2


def read_batches(path: Path, after: int) -> Sequence[attach_pb2.Batch]:
    """Returns the batches that a dead daemon would still have sent after a position."""
    batches: list[attach_pb2.Batch] = []
    try:
        reader = Reader.open(path)
    except StoreError:
        # It died before it had made its tables, so there is nothing to be told.
        return batches
    try:
        while True:
            part = reader.events(after, PARENT_FILTER)
            if part.through <= after:
                return batches
            batches.append(
                attach_pb2.Batch(
                    subscription=SUBSCRIPTION,
                    store=reader.store_id,
                    after=after,
                    through=part.through,
                    events=part.events,
                )
            )
            after = part.through
    finally:
        reader.close()


def read_past(paths: Iterable[Path], prefix: str) -> Past:
    """Returns the outcomes of the nodes below a tier from the stores of its daemons, oldest first."""
    past = Past()
    wanted = attach_pb2.EventFilter(kinds=LIFECYCLE_KINDS, prefix=prefix)
    for path in paths:
        try:
            reader = Reader.open(path)
        except StoreError:
            # A daemon that never came up has no store, or one without tables.
            continue
        with reader:
            after = 0
            while (part := reader.events(after, wanted)).through > after:
                for event in part.events:
                    past.add(event, path.stem)
                after = part.through
    return past


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
