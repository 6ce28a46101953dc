"""Actions that a tree asks its daemon to carry out. Data only.

Invariant: a `Record` is committed before any action that follows it in the list is carried out.
"""

from typing import TypeAlias

from msgspec import Struct

from gator.plan import PlanNode
from gator.v1 import attach_pb2, common_pb2, event_pb2


class Record(Struct, frozen=True):
    """Append an event to the daemon's own store."""

    event: event_pb2.Event


class Enqueue(Struct, frozen=True):
    """Start an attempt when the resources allow."""

    path: str
    attempt: int
    node: PlanNode
    order: int
    alone: bool
    """Whether it needs a daemon of its own, because the previous attempt was lost."""


class Dequeue(Struct, frozen=True):
    """Withdraw an enqueued attempt; answered by `on_withdrawn` or by its end."""

    path: str
    attempt: int
    stop: attach_pb2.Stop


class StopAttempt(Struct, frozen=True):
    """End an attempt that was handed out."""

    path: str
    attempt: int
    stop: attach_pb2.Stop


class OpenTier(Struct, frozen=True):
    """Open the tier of a node in another daemon."""

    path: str
    node: PlanNode
    seed: int
    released: tuple[attach_pb2.Release, ...]
    before: tuple[str, ...] = ()
    """Names of the daemons that had it before and died."""


class TellTier(Struct, frozen=True):
    """Send a message to a tier in another daemon."""

    path: str
    message: attach_pb2.Release | attach_pb2.Stop


class TierEnded(Struct, frozen=True):
    """Report the Result of a tier that was opened here to its parent."""

    path: str
    result: event_pb2.Result


class RunHook(Struct, frozen=True):
    """Run a hook of a group or array; answered by `on_hook`."""

    path: str
    node: PlanNode
    seed: int
    name: str
    text: str
    timeout_nanos: int
    outcome: common_pb2.Outcome.ValueType
    """Outcome of the group; unspecified before its end."""
    reason: common_pb2.Reason.ValueType


class StopHook(Struct, frozen=True):
    """Send a signal to the hook of a group that runs, if there is one."""

    path: str
    number: int


Action: TypeAlias = (
    Record | Enqueue | Dequeue | StopAttempt | OpenTier | TellTier | TierEnded | RunHook | StopHook
)
