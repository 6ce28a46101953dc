"""What those who make pages share with those who keep the record. Rule: a place is JSON."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from gator.v1 import query_pb2

Place: TypeAlias = list[int | str]
"""Where a list of nodes goes on: made by the reader, JSON, opaque to everybody else."""

Over: TypeAlias = Callable[[], bool]
"""Whether a query has to come back now with what it found."""


def never() -> bool:
    """For a query that may take as long as it needs."""
    return False


class NodeList(Struct, frozen=True):
    """Nodes with their places, and where to go on; None at the end."""

    nodes: Sequence[tuple[Place, query_pb2.Node]]
    next: Place | None
