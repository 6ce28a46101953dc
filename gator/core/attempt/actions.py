"""What an attempt asks of its host, and what it is told of its end.

Rule: data only; the order of a list is the order of doing.
"""

from typing import TypeAlias

from msgspec import Struct

from gator.v1 import event_pb2


class Record(Struct, frozen=True):
    """Append events to the store."""

    events: list[event_pb2.Event]


class Spawn(Struct, frozen=True):
    """Start the process; answered by `on_spawned` or `on_spawn_failed`."""


class Signal(Struct, frozen=True):
    """Send a signal to everything that belongs to the attempt."""

    number: int


class LeftoverCheck(Struct, frozen=True):
    """See what still lives of the attempt; answered by `on_left_over`."""


class Finished(Struct, frozen=True):
    """All is over: append the last events of this attempt, whose very last tells what is `finished`."""

    events: list[event_pb2.Event]
    finished: event_pb2.AttemptFinished


Action: TypeAlias = Record | Spawn | Signal | LeftoverCheck | Finished


class Exit(Struct, frozen=True):
    """How the leader ended: exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None
    user_nanos: int
    system_nanos: int
    peak_memory: int
    """Bytes by the kernel's account; 0 where that is not to be trusted."""
    out_of_memory: bool = False
