"""Protocols of the parts of a host that an attempt uses."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from gator.core.attempt.hooks import HookEnd
from gator.core.attempt.start.environment import Launcher, Prepared
from gator.process.ownership.birthmark import Birthmarks
from gator.process.pipes import Pipe
from gator.process.spawn import Process, SpawnRequest
from gator.v1 import attach_pb2, common_pb2, event_pb2

if TYPE_CHECKING:
    from gator.daemon.attempts.files.followed_file import FollowedFile
    from gator.daemon.attempts.files.log_tail import LogTail
    from gator.daemon.attempts.hooks.hook_process import HookProcess
Attempt_contra = TypeVar("Attempt_contra", contravariant=True)
"""The class of the attempts."""


class AttemptPorts(Protocol[Attempt_contra]):
    """The host of an attempt, as the attempt uses it."""

    launcher: Launcher

    @property
    def artefact_content_bytes(self) -> int:
        """The maximum size of a file whose content is recorded."""
        ...

    def append(
        self, attempt: Attempt_contra, events: list[event_pb2.Event], then: Callable[[], None] | None
    ) -> None:
        """Stores events; `then` is called once they are committed."""
        ...

    def now(self) -> int:
        """Returns the monotonic time in nanoseconds, after late wake-ups have been excluded."""
        ...

    def wake(self, at: int) -> None:
        """Calls `on_time` at this monotonic time in nanoseconds, or soon after."""
        ...

    def watch(self, attempt: Attempt_contra, process: Process) -> dict[common_pb2.Stream.ValueType, Pipe]:
        """Reads the pipes of a process that was started, and waits for its end."""
        ...

    def token(self, path: str, attempt: int) -> str:
        """Returns the token with which the attempt's own processes report."""
        ...

    def birthmark(self) -> Birthmarks:
        """Returns a number that identifies the attempt's processes."""
        ...

    def describe(self, pid: int, prepared: Prepared, node: attach_pb2.LaunchNode) -> event_pb2.Started:
        """Returns the record of a start."""
        ...

    def find_leftovers(self, attempt: Attempt_contra) -> None:
        """Finds the living processes of the attempt; answers with `on_left_over`, at once or later."""
        ...

    def follow(self, attempt: Attempt_contra, files: "Sequence[FollowedFile]") -> "LogTail":
        """Follows files to which the attempt writes."""
        ...

    def run_hook(self, name: str, command: SpawnRequest, then: Callable[[HookEnd], None]) -> "HookProcess":
        """Starts a hook; `then` gets its end, at once or later."""
        ...

    def signal(self, attempt: Attempt_contra, number: int) -> None:
        """Sends a signal to all processes of the attempt."""
        ...

    def investigate(self, attempt: Attempt_contra, watch: str) -> None:
        """Finds out what the processes of the attempt do; answers with `on_evidence`.

        `watch` is the watched file; empty for none.
        """
        ...

    def look(self, attempt: Attempt_contra, watch: str) -> None:
        """Looks at the watched file; answers with `on_file`."""
        ...

    def on_reaped(self, attempt: Attempt_contra, pid: int) -> None:
        """Forgets the leader, which was reaped."""
        ...

    def out_of_memory(self) -> bool:
        """Returns whether the kernel ended a process for lack of memory since the last call."""
        ...

    def has_others(self, attempt: Attempt_contra) -> bool:
        """Returns whether processes of other attempts run here."""
        ...

    def on_fault(self, attempt: Attempt_contra, error: Exception) -> None:
        """Reports a fault of Gator."""
        ...

    def on_started(self, attempt: Attempt_contra) -> None:
        """Reports that the start is committed."""
        ...

    def on_over(self, attempt: Attempt_contra, finished: event_pb2.AttemptFinished) -> None:
        """Reports that no process of the attempt lives; its end is about to be committed."""
        ...

    def on_committed(self, attempt: Attempt_contra, finished: event_pb2.AttemptFinished) -> None:
        """Reports that the end is committed."""
        ...
