"""One attempt at a job, from its start to its verdict, as a state machine.

Invariant: it knows no process, store or clock. Inputs are calls of `on_...`, outputs are lists of actions,
and `wake_at` says when to call `on_time`. `now` is a monotonic time in nanoseconds everywhere.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gator.core.attempt.actions import (
    Action,
    Exit,
    Investigate,
    LookAtFile,
    Record,
    RunHook,
)
from gator.core.attempt.artefacts import Collected
from gator.core.attempt.hang.silence import FileState
from gator.core.attempt.hooks import BEFORE, HookEnd
from gator.core.attempt.machine.closing import (
    conclude,
    finish,
    read_log_files,
    read_reports,
    take_artefacts,
    take_hook,
    take_reports,
)
from gator.core.attempt.machine.context import AttemptContext, record
from gator.core.attempt.machine.ending import end, end_rest, end_rest_further, kill, on_deadline, stop_attempt
from gator.core.attempt.output.stream_rules import log_stream
from gator.core.attempt.state import (
    ALIVE,
    DRAIN_NANOS,
    LOG_FILES_NANOS,
    SPAWN_NANOS,
    TIMED,
    State,
)
from gator.core.reports import ReportFile
from gator.units import limit_text, span
from gator.v1 import attach_pb2, common_pb2, event_pb2

if TYPE_CHECKING:
    from gator.core.attempt.hang.evidence import Evidence


class Wrapper:
    """One attempt.

    `wall_offset` is the time since 1970 minus the monotonic time, `log_cap` the bytes of output to store
    (0: all).
    """

    __slots__ = ("_context", "attempt", "path")

    def __init__(self, launch: attach_pb2.LaunchNode, wall_offset: int, log_cap: int) -> None:
        self.path = launch.path
        self.attempt = launch.attempt
        self._context = AttemptContext(launch, wall_offset, log_cap)

    # ---- queries

    @property
    def state(self) -> State:
        """How far the attempt has come."""
        return self._context.state

    @property
    def wake_at(self) -> int | None:
        """When to call `on_time`; None for never."""
        context = self._context
        earliest = context.output.due
        for due in (context.deadline, context.silence.due):
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    @property
    def streams(self) -> tuple[common_pb2.Stream.ValueType, ...]:
        """The streams to read."""
        return self._context.output.streams

    # ---- inputs

    def on_prepared(self, now: int) -> list[Action]:
        """Returns what has to be done before the process is started; nothing if it can be started."""
        context = self._context
        if context.hooks is None or not context.hooks.begin():
            return []
        context.times.start(now)
        context.enter(State.PREPARING, context.hook_deadline(now))
        return [RunHook(BEFORE)]

    def on_spawned(self, now: int, started: event_pb2.Started) -> list[Action]:
        """Records that the process was started at `now`."""
        context = self._context
        context.times.start(now)
        context.usage.start(now)
        context.silence.start(now)
        events = [context.stamp.event(now, started=started)]
        if context.start_line is None:
            context.enter(State.RUNNING, context.timeout_at(now))
        else:
            context.enter(State.RUNNING, None)
            events.append(context.stamp.event(now, progress=context.start_line.progress))
        return [Record(events)]

    def on_input_missing(self, now: int, message: str) -> list[Action]:
        """Ends an attempt that lacks an artefact that another job should have made."""
        context = self._context
        context.facts.input = message
        return finish(context, now) if context.state is State.STARTING else []

    def on_spawn_failed(
        self, now: int, message: str, *, transient: bool, patient: bool = False
    ) -> list[Action]:
        """Retries or gives up a start that failed; `transient` if it may succeed later.

        With `patient` there is no timeout, because other attempts of the host will free what is missing.
        """
        context = self._context
        if not transient:
            context.facts.not_started = message
            return finish(context, now)
        context.deadline = context.start_retries.next_start(now, is_patient=patient)
        if context.deadline is None:
            context.facts.lost = f"could not be started within {limit_text(SPAWN_NANOS)}: {message}"
            return finish(context, now)
        return []

    def on_fault(self, now: int, message: str) -> list[Action]:
        """Declares the attempt lost and kills its processes, because Gator itself failed at the start."""
        context = self._context
        if context.state is State.FINISHED:
            return []
        context.facts.lost = message
        return finish(context, now) if context.state is State.STARTING else kill(context, now)

    def on_output(self, now: int, stream: common_pb2.Stream.ValueType, data: bytes) -> list[Action]:
        """Handles bytes that were read."""
        context = self._context
        if context.is_complete:
            return []
        context.times.read(now)
        context.silence.reset(now)
        if context.state is State.READING_LOGS:
            context.deadline = now + LOG_FILES_NANOS
        events = context.output.feed(stream, data, now, now + context.stamp.offset)
        return record(context.with_start(now, events) if events else events)

    def on_eof(self, now: int, stream: common_pb2.Stream.ValueType) -> list[Action]:
        """Records that a pipe has reached its end."""
        context = self._context
        context.open.discard(stream)
        if context.state is State.DRAINING and not context.open:
            return context.sweep()
        return []

    def on_exited(self, now: int, ended: Exit) -> list[Action]:
        """Records that the leader was reaped."""
        context = self._context
        if context.state not in ALIVE:
            return []
        context.times.ended = now
        context.exit = ended
        context.facts.exit_code = ended.code
        context.facts.signal = ended.signal
        context.facts.out_of_memory = ended.out_of_memory
        if ended.memory_at_kill is not None and context.state is State.RUNNING:
            context.facts.memory = ended.memory_at_kill, context.job.resources.memory_bytes
        if context.open:
            context.enter(State.DRAINING, now + DRAIN_NANOS)
            return []
        return context.sweep()

    def on_left_over(self, now: int, names: list[str]) -> list[Action]:
        """Ends the leftover processes, or the attempt if there are none; all output was read before."""
        context = self._context
        match context.state:
            case State.SWEEPING | State.ENDING_REST | State.KILLING_REST if not names:
                return (
                    read_log_files(context, now)
                    if context.verdict is None
                    else conclude(context, now, context.verdict)
                )
            case State.SWEEPING:
                return end_rest(context, now, names)
            case State.ENDING_REST | State.KILLING_REST:
                return end_rest_further(context, now, names)
            case _:
                return []

    def on_time(self, now: int) -> list[Action]:
        """Does everything that is due at `wake_at`."""
        context = self._context
        actions = record(context.with_start(now, context.output.flush_due(now)))
        if context.silence.is_due(now):
            context.silence.look()
            actions += [LookAtFile()] if context.silence.watches else self._investigate()
        if context.deadline is not None and now >= context.deadline:
            actions += on_deadline(context, now)
        return actions

    def on_late_wake(self, stood_still: int) -> None:
        """Extends timeout, grace and the limits on starting and killing: the host did not run."""
        context = self._context
        if context.deadline is not None and context.state in TIMED:
            context.deadline += stood_still
        context.silence.exclude(stood_still)
        context.start_retries.exclude(stood_still)
        context.termination.exclude(stood_still)

    def warn(self, now: int, text: str) -> list[Action]:
        """Records a warning of Gator about the attempt."""
        return [] if self._context.state is State.FINISHED else [self._context.warning(now, text)]

    def follow_wall_clock(self, now: int, wall: int) -> None:
        """Advances the attempt's times after the host was suspended or its clock was set ahead."""
        self._context.stamp.follow(now, wall)

    def on_stop(self, now: int, stop: attach_pb2.Stop) -> list[Action]:
        """Ends the attempt; a leader that has already exited keeps its verdict."""
        return stop_attempt(self._context, now, stop)

    def on_sample(
        self, now: int, sample: event_pb2.Sample, peak_memory: int, *, is_limited: bool = False
    ) -> list[Action]:
        """Handles a sample of the processes of the attempt; `peak_memory` is in bytes, as far as known.

        If the kernel limits the memory, the sample ends nothing: it counts shared memory more than once.
        """
        context = self._context
        if context.state is State.FINISHED or context.state is State.STARTING:
            return []
        context.silence.add_sample(now, sample.cores)
        events = [context.stamp.event(now, sample=sample)]
        events += [context.stamp.warning(now, text) for text in context.usage.add(now, sample, peak_memory)]
        actions: list[Action] = [Record(events)]
        excess = None if is_limited else context.usage.excess()
        if excess is not None and context.state in ALIVE and context.state is not State.KILLING:
            context.facts.memory = excess
            actions += kill(context, now)
        return actions

    def on_client_event(self, now: int, event: event_pb2.Event, *, notice: bool = False) -> list[Action]:
        """Handles a message or metric value from one of the attempt's own processes.

        A `notice` comes from the client in that process and is recorded as a warning of Gator.
        """
        context = self._context
        if context.state is State.FINISHED:
            return []
        if not notice:
            context.silence.reset(now)
        return record(context.client.take(context.stamp, now, event, notice=notice))

    def on_file(self, now: int, state: FileState) -> list[Action]:
        """Handles the state of the watched file."""
        context = self._context
        if context.state is not State.RUNNING:
            return []
        context.silence.on_file(now, state)
        return self._investigate() if context.silence.is_over(now) else []

    def _investigate(self) -> list[Action]:
        self._context.silence.last_words = self._context.output.last_words()
        return [Investigate()]

    def on_evidence(self, now: int, evidence: "Evidence") -> list[Action]:
        """Ends the attempt because it hangs, unless there was a sign of life since its silence was due."""
        context = self._context
        has_life = not context.silence.is_over(now) and not evidence.prints_stacks
        if context.state is not State.RUNNING or has_life:
            return []
        # Few jobs hang.
        from gator.core.attempt.hang.evidence import MAX_EVIDENCE, hang_of, text_of

        limit = limit_text(context.silence.limit)
        context.facts.hang = hang_of(evidence, context.silence.limit, context.silence.last_words)
        text = text_of(evidence, limit, span(context.silence.cpu_nanos))
        return [
            Record([context.stamp.warning(now, text, maximum=MAX_EVIDENCE)]),
            *end(context, now),
        ]

    def on_log_data(self, now: int, place: int, data: bytes) -> list[Action]:
        """Handles bytes that were read from a file of `also_log`, by its place there."""
        return self.on_output(now, log_stream(place), data)

    def on_log_files(self, now: int) -> list[Action]:
        """Records that the files of `also_log` were read to their end."""
        return read_reports(self._context, now) if self.state is State.READING_LOGS else []

    def on_reports(self, now: int, files: Sequence[ReportFile]) -> list[Action]:
        """Handles the reports of tests, and ends the attempt."""
        return take_reports(self._context, now, files) if self.state is State.READING else []

    def on_artefacts(self, now: int, collected: Collected) -> list[Action]:
        """Records the artefacts that were kept, and ends the attempt."""
        return take_artefacts(self._context, now, collected) if self.state is State.COLLECTING else []

    def on_hook(self, now: int, end: HookEnd) -> list[Action]:
        """Handles the end of a hook. A hook `before` that failed fails the attempt; others give a warning."""
        return take_hook(self._context, now, end) if self.state in (State.PREPARING, State.HOOKS) else []
