"""Protocols that a scheduler implements."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from gator.scheduler.request import DaemonRequest

if TYPE_CHECKING:
    import asyncio


class DaemonHandle(Protocol):
    """A daemon that was started."""

    @property
    def exited(self) -> "asyncio.Future[int]":
        """Result: the exit code of the daemon, or the negative number of the signal that killed it."""
        ...

    def kill(self) -> None:
        """Kills the daemon at once. Does nothing if it has exited."""
        ...


class Scheduler(Protocol):
    """Starts daemons. A `SchedulerFactory` creates it."""

    @property
    def cores(self) -> int | None:
        """Cores that the jobs of a run use together unless `-j` is given; None means those of this host."""
        ...

    @property
    def allows_inline(self) -> bool:
        """Whether jobs may also run in the process of `gator run`, as the first jobs of a tree do."""
        ...

    def start_daemon(self, request: DaemonRequest) -> DaemonHandle:
        """Starts a daemon; called on the event loop, so it must not block.

        Raises GatorError if the daemon cannot be started.
        """
        ...


class SchedulerFactory(Protocol):
    """The object that an entry point in `gator.schedulers` names: usually the class of the scheduler."""

    def __call__(self, arguments: Mapping[str, str], /) -> Scheduler:
        """Creates a scheduler from the values of `--sched-arg` by key.

        Raises UsageError for arguments that it does not accept.
        """
        ...
