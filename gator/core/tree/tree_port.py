"""The interface between a tier and its tree: the jobs of a tier, and the functions of the tree."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

from gator.core.tree.child import Child, Phase
from gator.core.tree.close import Registry
from gator.plan import PlanNode
from gator.v1 import attach_pb2, event_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.tree.hooks import TierHooks

TierT = TypeVar("TierT")
"""The class of the tiers."""


class JobTier(Protocol):
    """The functions of its tier that a job uses."""

    def on_started(self, job: "JobChild") -> None:
        """Records that the job's attempt runs."""
        ...

    def on_attempt_finished(self, job: "JobChild", end: event_pb2.AttemptFinished) -> None:
        """Tries the job again, or closes it."""
        ...

    def close_job(self, job: "JobChild", result: event_pb2.Result) -> None:
        """Sets the Result of the job."""
        ...


class JobChild(Struct, eq=False):
    """A job of a tier, from its creation to its Result."""

    node: PlanNode
    path: str
    order: int
    tier: JobTier
    child: Child
    attempt: int = 1
    lost: int = 0
    """Number of attempts that were lost and tried again."""
    failures: int = 0
    """Number of attempts that failed and were tried again."""
    failed: event_pb2.AttemptFinished | None = None
    """The end of the last of these."""
    started: int = 0
    """Number of attempts that were started."""
    phase: Phase = Phase.QUEUED
    declared: bool = False
    stop: attach_pb2.Stop | None = None


class TreePort(Registry, Protocol[TierT]):
    """The functions of its tree that a tier uses."""

    def hooks(self, node: PlanNode, path: str) -> spec_pb2.Hooks:
        """Returns the hooks of an instance of a group or array."""
        ...

    def enqueue(self, job: JobChild, *, alone: bool = False) -> None:
        """Queues an attempt, which starts when the resources allow."""
        ...

    def enqueue_later(self, job: JobChild, millis: int) -> None:
        """Queues an attempt after a delay."""
        ...

    def halt(self, job: JobChild, stop: attach_pb2.Stop) -> None:
        """Ends a job, whether it is queued, handed out or running."""
        ...

    def open_tier(self, node: PlanNode, path: str, base: int, parent: TierT, child: Child) -> TierT | None:
        """Opens the tier of a child; returns None if it runs in another daemon."""
        ...

    def send_to_tier(self, path: str, message: attach_pb2.Release | attach_pb2.Stop) -> None:
        """Sends a message to a tier in another daemon."""
        ...

    def close_later(self, steps: Iterator[None]) -> None:
        """Performs the steps that close a node, a few at a time."""
        ...

    def wake(self, tier: TierT) -> None:
        """Schedules a tier to issue more of its repeats."""
        ...

    def contracts(self, node: PlanNode, path: str) -> Sequence[spec_pb2.Contract]:
        """Returns the contracts of an instance of a group or array on metrics."""
        ...

    def run_hook(self, tier: TierT, hooks: "TierHooks", name: str) -> None:
        """Runs a hook of a tier."""
        ...

    def stop_hook(self, tier: TierT, number: int) -> None:
        """Sends a signal to the hook of a tier that runs."""
        ...

    def log(self, path: str, logs: Iterable[event_pb2.LogEvent]) -> None:
        """Records messages about a group after one of its hooks."""
        ...

    def tier_ended(self, tier: TierT, result: event_pb2.Result) -> None:
        """Removes a tier and passes its Result on."""
        ...
