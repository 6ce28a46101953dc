"""Reads the outcomes of a tier's nodes from the stores of the daemons that had it before."""

from collections.abc import Iterable
from pathlib import Path

from gator.core.tree.outcomes.restored import Past
from gator.errors import StoreError
from gator.event_kinds import LIFECYCLE_KINDS
from gator.store import StoreReader
from gator.v1 import attach_pb2


def read_past(paths: Iterable[Path], prefix: str) -> Past:
    """Returns the outcomes of the nodes below a tier from the stores of its daemons, oldest first."""
    past = Past()
    event_filter = attach_pb2.EventFilter(kinds=LIFECYCLE_KINDS, prefix=prefix)
    for path in paths:
        try:
            reader = StoreReader.open(path)
        except StoreError:
            # A daemon that never came up has no store, or one without tables.
            continue
        with reader:
            for part in reader.slices(event_filter):
                for event in part.events:
                    past.add(event, path.stem)
    return past
