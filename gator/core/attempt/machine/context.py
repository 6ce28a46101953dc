"""The state of one attempt: how far it has come, and what is known of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gator.core.attempt.actions import Action, Exit, LeftoverCheck, Record
from gator.core.attempt.events import ClientEvents, EventFactory
from gator.core.attempt.hang.silence import Silence
from gator.core.attempt.hooks import HookSequence
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.observers import observers_of
from gator.core.attempt.output.output import Output
from gator.core.attempt.results.conclusion import Times
from gator.core.attempt.results.verdict import AttemptFacts, Verdict
from gator.core.attempt.state import DEFAULT_GRACE_NANOS, MILLI, State
from gator.core.attempt.termination import StartRetries, Termination
from gator.core.attempt.usage import UsageMeter
from gator.v1 import attach_pb2, event_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.attempt.output.start_line import StartLine
    from gator.core.attempt.results.expectations import Expectations


class AttemptContext:
    """One attempt, as the parts of its state machine see it; the arguments are those of `Wrapper`."""

    __slots__ = (
        "client",
        "deadline",
        "exit",
        "facts",
        "hooks",
        "is_complete",
        "job",
        "kept",
        "open",
        "output",
        "path",
        "silence",
        "stamp",
        "start_line",
        "start_retries",
        "state",
        "termination",
        "times",
        "usage",
        "verdict",
    )

    def __init__(self, launch: attach_pb2.LaunchNode, wall_offset: int, log_cap: int) -> None:
        self.state = State.STARTING
        self.path = launch.path
        self.job = launch.job
        settings = launch.job.settings
        self.facts = AttemptFacts()
        metrics = AttemptMetrics()
        self.facts.expectations = _expectations(launch.job.expect) if launch.job.HasField("expect") else None
        self.start_line = _start_line(settings.starts.match) if settings.starts.match else None
        """The line after which the job works; None if it works at once."""
        asked = filter(None, (self.facts.expectations, self.start_line))
        observers = (*observers_of(launch.job, metrics), *asked)
        self.output = Output(launch, log_cap, self.facts.messages, metrics, observers)
        self.open = set(self.output.pipes)
        """The pipes that have not reached their end."""
        self.usage = UsageMeter(launch)
        self.client = ClientEvents(self.facts.messages, metrics)
        self.stamp = EventFactory(launch.path, launch.attempt, wall_offset)
        self.start_retries = StartRetries()
        self.termination = Termination(
            settings.grace_millis * MILLI if settings.HasField("grace_millis") else DEFAULT_GRACE_NANOS
        )
        self.deadline: int | None = None
        """When the state has to be left, or looked at again; None for never."""
        self.silence = Silence(settings.silence.millis * MILLI, watches=bool(settings.silence.watch))
        self.times = Times()
        self.exit: Exit | None = None
        self.hooks = HookSequence(launch.job.hooks) if launch.job.HasField("hooks") else None
        self.is_complete = False
        """Whether all output was read."""
        self.kept: Sequence[event_pb2.Artefact] = ()
        self.verdict: Verdict | None = None
        """The verdict, once it is known, before the hooks after the end."""

    def enter(self, state: State, deadline: int | None) -> None:
        """Changes the state."""
        if state is not State.RUNNING:
            self.silence.stop()
        self.state = state
        self.deadline = deadline

    def timeout_at(self, now: int) -> int | None:
        """Returns when the timeout of a job that works from now on is over; None for never."""
        millis = self.job.settings.timeout_millis
        return now + millis * MILLI if millis else None

    def with_start(self, now: int, events: list[event_pb2.Event]) -> list[event_pb2.Event]:
        """Returns the events of output. The timeout begins if the line after which the job works is there."""
        progress = self.start_line.take(events) if self.start_line is not None else None
        if progress is None:
            return events
        if self.state is State.RUNNING:
            self.deadline = self.timeout_at(now)
        return [*events, self.stamp.event(now, progress=progress)]

    def sweep(self) -> list[Action]:
        """Looks for leftover processes."""
        self.enter(State.SWEEPING, None)
        return [LeftoverCheck()]

    def warning(self, now: int, text: str) -> Record:
        """Returns the record of a warning of Gator."""
        return Record([self.stamp.warning(now, text)])

    def hook_deadline(self, now: int) -> int | None:
        """Returns when a hook that starts now has to be over; None for never."""
        limit = self.hooks.timeout_nanos if self.hooks is not None else 0
        return now + limit if limit else None


def _expectations(expect: spec_pb2.Expect) -> "Expectations":
    # Few jobs expect more than exit code 0.
    from gator.core.attempt.results.expectations import Expectations

    return Expectations(expect)


def _start_line(pattern: str) -> "StartLine":
    # Few jobs have such a line.
    from gator.core.attempt.output.start_line import StartLine

    return StartLine(pattern)


def record(events: list[event_pb2.Event]) -> list[Action]:
    """Returns the action that records events; none if there are none."""
    return [Record(events)] if events else []
