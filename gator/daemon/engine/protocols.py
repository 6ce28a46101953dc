"""Protocols of an engine: a log for records, executors for jobs, and what decides when attempts start."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from gator.core.attempt.hooks import HookEnd
from gator.core.dispatch import actions as disp
from gator.core.dispatch.actions import Key
from gator.core.tree import actions as act
from gator.v1 import attach_pb2, event_pb2

OwnerAction_co = TypeVar("OwnerAction_co", covariant=True)


class Log(Protocol):
    """The store of the engine's own daemon, as far as the engine needs it."""

    def append(self, events: Sequence[event_pb2.Event], then: Callable[[], None] | None = None) -> int:
        """Appends events; `then` is called on the loop once they are committed."""
        ...


class GroupHooks(Protocol):
    """Runs the hooks of groups and arrays."""

    def run(self, action: act.RunHook, then: Callable[[str, HookEnd], None]) -> None:
        """Runs a hook; `then` gets the path of the group and the end of the hook."""
        ...

    def signal(self, path: str, number: int) -> None:
        """Sends a signal to the hook of a group, if one runs."""
        ...


class Executor(Protocol):
    """A daemon that runs jobs or tiers for the engine; inline it is the engine's own."""

    def send(self, message: attach_pb2.AttachResponse) -> None:
        """Sends a message; never blocks."""
        ...


class Dispatch(Protocol[OwnerAction_co]):
    """Decides when and where attempts start: the Dispatcher of a root or the leases of a tier daemon."""

    def add(self, item: disp.Ready, now: float) -> None:
        """Adds an attempt that is ready."""
        ...

    def cancel(self, key: Key, now: float) -> disp.Cancelled:
        """Cancels an attempt. Returns where it was."""
        ...

    def on_started(self, key: Key, now: float) -> None:
        """Reports that an attempt runs."""
        ...

    def on_finished(self, key: Key, now: float) -> None:
        """Reports that an attempt has ended."""
        ...

    def on_recalled(self, keys: Sequence[Key], now: float) -> object:
        """Returns attempts that did not start to their queue."""
        ...

    def poll(self, now: float) -> Sequence[disp.HandOut | disp.Recall | OwnerAction_co]:
        """Returns the actions to carry out now; those of other types are for the owner of the engine."""
        ...

    def wake_at(self) -> float | None:
        """Returns when to poll again at the latest, in seconds."""
        ...
