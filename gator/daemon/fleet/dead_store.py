"""Reads what a dead daemon had stored and not sent."""

from collections.abc import Sequence
from pathlib import Path

from gator.daemon.fleet.subscription import SUBSCRIPTION
from gator.errors import StoreError
from gator.event_kinds import LIFECYCLE_KINDS
from gator.store import StoreReader
from gator.v1 import attach_pb2

_WANTED = attach_pb2.EventFilter(kinds=LIFECYCLE_KINDS)
"""The events that a parent acts on; messages and metrics stay in the store."""


def read_batches(path: Path, after: int) -> Sequence[attach_pb2.Batch]:
    """Returns the batches that a dead daemon would still have sent after a position."""
    batches: list[attach_pb2.Batch] = []
    try:
        reader = StoreReader.open(path)
    except StoreError:
        # A daemon that died before it made its tables has recorded nothing.
        return batches
    with reader:
        for part in reader.slices(_WANTED, after):
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
    return batches
