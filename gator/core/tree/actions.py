"""What the tree asks the world to do. Data only.

The rule: a `Record` that stands before another action in the list is committed before that action is done.
"""

from typing import TypeAlias

from msgspec import Struct

from gator.plan import PlanNode
from gator.v1 import attach_pb2, event_pb2


class Record(Struct, frozen=True):
    """Append an event to the daemon's own store."""

    event: event_pb2.Event


class Enqueue(Struct, frozen=True):
    """An attempt is ready: let it start when the resources allow."""

    path: str
    attempt: int
    node: PlanNode
    order: int
    alone: bool
    """In a daemon of its own, because the attempt before was lost."""


class Dequeue(Struct, frozen=True):
    """An attempt that was enqueued shall not start; answered by `on_withdrawn` or by its end."""

    path: str
    attempt: int
    stop: attach_pb2.Stop


class StopAttempt(Struct, frozen=True):
    """End an attempt that was handed out."""

    path: str
    attempt: int
    stop: attach_pb2.Stop


class OpenTier(Struct, frozen=True):
    """Run the tier of a node in another daemon."""

    path: str
    node: PlanNode
    seed: int
    released: tuple[attach_pb2.Release, ...]
    before: tuple[str, ...] = ()
    """The daemons that had it before and died."""


class TellTier(Struct, frozen=True):
    """Pass an order on to a tier in another daemon."""

    path: str
    order: attach_pb2.Release | attach_pb2.Stop


class TierEnded(Struct, frozen=True):
    """A tier that was opened here has its Result."""

    path: str
    result: event_pb2.Result


Action: TypeAlias = Record | Enqueue | Dequeue | StopAttempt | OpenTier | TellTier | TierEnded
