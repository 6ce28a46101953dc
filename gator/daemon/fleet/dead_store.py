"""Reads what a dead daemon had stored and not sent."""

from collections.abc import Sequence
from pathlib import Path

from gator.daemon.fleet.subscription import PARENT_FILTER, SUBSCRIPTION
from gator.errors import StoreError
from gator.store import Reader
from gator.v1 import attach_pb2


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
