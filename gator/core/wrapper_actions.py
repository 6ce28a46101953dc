"""What an attempt asks of its host, and what it is told of its end.

Rule: data only; the order of a list is the order of doing.
"""

from dataclasses import dataclass
from typing import TypeAlias

from gator.v1 import event_pb2


@dataclass(frozen=True, slots=True)
class Record:
    """Append events to the store."""

    events: list[event_pb2.Event]


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the process; answered by `on_spawned` or `on_spawn_failed`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to everything that belongs to the attempt."""

    number: int


@dataclass(frozen=True, slots=True)
class Look:
    """See what still lives of the attempt; answered by `on_left_over`."""


@dataclass(frozen=True, slots=True)
class Finished:
    """All is over: append the last events of this attempt, whose very last tells what is `finished`."""

    events: list[event_pb2.Event]
    finished: event_pb2.AttemptFinished


Action: TypeAlias = Record | Spawn | Signal | Look | Finished


@dataclass(frozen=True, slots=True)
class Exit:
    """How the leader ended: exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None
    user_nanos: int
    system_nanos: int
    peak_memory: int
    """Bytes by the kernel's account; 0 where that is not to be trusted."""
    out_of_memory: bool = False
