"""Actions that an attempt asks its host to carry out, and the exit of its leader. Data only.

Invariant: the actions of a list are carried out in their order.
"""

from typing import TypeAlias

from msgspec import Struct

from gator.v1 import common_pb2, event_pb2


class Record(Struct, frozen=True):
    """Append events to the store."""

    events: list[event_pb2.Event]


class Spawn(Struct, frozen=True):
    """Start the process; answered by `on_spawned` or `on_spawn_failed`."""


class Signal(Struct, frozen=True):
    """Send a signal to all processes of the attempt."""

    number: int


class LookAtFile(Struct, frozen=True):
    """Look at the watched file; answered by `on_file`."""


class Investigate(Struct, frozen=True):
    """Find out what the silent processes of the attempt do; answered by `on_evidence`."""


class ReadLogFiles(Struct, frozen=True):
    """Read the rest of the files of `also_log`, and answer by `on_log_files` then."""


class ReadReports(Struct, frozen=True):
    """Read the reports of tests that the job wrote; answered by `on_reports`."""


class Collect(Struct, frozen=True):
    """Keep the artefacts that the job made; answered by `on_artefacts`."""

    passed: bool
    """Whether the attempt passed so far, so that a missing artefact is a problem."""


class RunHook(Struct, frozen=True):
    """Run a hook; answered by `on_hook`."""

    name: str
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_UNSPECIFIED
    """Outcome of the attempt; unspecified before its end."""
    reason: common_pb2.Reason.ValueType = common_pb2.REASON_UNSPECIFIED


class EndHook(Struct, frozen=True):
    """Send a signal to the hook that runs, if there is one."""

    number: int


class LeftoverCheck(Struct, frozen=True):
    """Find the living processes of the attempt; answered by `on_left_over`."""


class Finished(Struct, frozen=True):
    """Append the last events of the attempt; `finished` is in the very last."""

    events: list[event_pb2.Event]
    finished: event_pb2.AttemptFinished


Action: TypeAlias = (
    Record
    | Spawn
    | Signal
    | LookAtFile
    | Investigate
    | LeftoverCheck
    | Finished
    | ReadLogFiles
    | ReadReports
    | Collect
    | RunHook
    | EndHook
)


class Exit(Struct, frozen=True):
    """How the leader ended. Exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None
    user_nanos: int
    system_nanos: int
    peak_memory: int
    """Bytes according to the kernel; 0 if its number is unreliable."""
    out_of_memory: bool = False
    memory_at_kill: int | None = None
    """Bytes that it had used when the kernel ended it at its own limit; None if the kernel did not."""
