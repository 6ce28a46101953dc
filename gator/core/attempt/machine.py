"""One attempt at a job, from its start to its verdict, as a state machine.

Invariant: it knows no process, store or clock. Inputs are calls of `on_...`, outputs are lists of actions,
and `wake_at` says when to call `on_time`. `now` is a monotonic time in nanoseconds everywhere.

    PREPARING ──► STARTING: with a hook `before`, which fails the attempt or lets it start

    STARTING ──► RUNNING ──► DRAINING ──► SWEEPING ──► FINISHED
        │           │            ▲            │            ▲
        │           ├► ENDING ──►┤            └► ENDING_REST ─► KILLING_REST
        │           └► KILLING ──┘
        └──────────────────────────────────────────────────►

With `results`, READING comes before FINISHED if the leader has exited by itself or at its timeout, and with
artefacts COLLECTING. With hooks
after the end, HOOKS comes then, followed by another SWEEPING.
"""

import signal
from collections.abc import Sequence

from gator.core.attempt.actions import (
    Action,
    Collect,
    EndHook,
    Exit,
    Finished,
    Investigate,
    LeftoverCheck,
    LookAtFile,
    ReadReports,
    Record,
    RunHook,
    Signal,
    Spawn,
)
from gator.core.attempt.artefacts import Collected
from gator.core.attempt.events import ClientEvents, EventFactory
from gator.core.attempt.hang.evidence import MAX_EVIDENCE, Evidence, hang_of, text_of
from gator.core.attempt.hang.silence import FileState, Silence
from gator.core.attempt.hooks import BEFORE, HookEnd, HookSequence, hook_logs
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.observers import observers_of
from gator.core.attempt.output.output import Output
from gator.core.attempt.results.conclusion import Times, conclude
from gator.core.attempt.results.expectations import Expectations
from gator.core.attempt.results.verdict import AttemptFacts, Verdict, judge
from gator.core.attempt.state import (
    ALIVE,
    COLLECT_NANOS,
    DEFAULT_GRACE_NANOS,
    DRAIN_NANOS,
    MILLI,
    READ_NANOS,
    SPAWN_NANOS,
    TIMED,
    UNKILLABLE_NANOS,
    State,
)
from gator.core.attempt.termination import StartRetries, Termination
from gator.core.attempt.test_reports import take_reports
from gator.core.attempt.usage import UsageMeter
from gator.core.reports import ReportFile
from gator.units import limit_text, some_of, span
from gator.v1 import attach_pb2, common_pb2, event_pb2


class Wrapper:
    """One attempt.

    `wall_offset` is the time since 1970 minus the monotonic time, `log_cap` the bytes of output to store
    (0: all).
    """

    __slots__ = (
        "_client",
        "_deadline",
        "_exit",
        "_facts",
        "_hooks",
        "_is_complete",
        "_job",
        "_kept",
        "_messages",
        "_open",
        "_output",
        "_silence",
        "_stamp",
        "_starts",
        "_termination",
        "_times",
        "_usage",
        "_verdict",
        "attempt",
        "path",
        "state",
    )

    def __init__(self, launch: attach_pb2.LaunchNode, wall_offset: int, log_cap: int) -> None:
        self.path = launch.path
        self.attempt = launch.attempt
        self.state = State.STARTING
        self._job = launch.job
        settings = launch.job.settings
        self._facts = AttemptFacts()
        self._messages = self._facts.messages
        metrics = AttemptMetrics()
        observers = observers_of(launch.job)
        if launch.job.HasField("expect"):
            self._facts.expectations = Expectations(launch.job.expect)
            observers = (*observers, self._facts.expectations)
        self._output = Output(launch, log_cap, self._messages, metrics, observers)
        self._open = set(self._output.streams)
        self._usage = UsageMeter(launch)
        self._client = ClientEvents(self._messages, metrics)
        self._stamp = EventFactory(launch.path, launch.attempt, wall_offset)
        self._starts = StartRetries()
        self._termination = Termination(
            settings.grace_millis * MILLI if settings.HasField("grace_millis") else DEFAULT_GRACE_NANOS
        )
        self._deadline: int | None = None
        self._silence = Silence(settings.silence.millis * MILLI, watches=bool(settings.silence.watch))
        self._times = Times()
        self._exit: Exit | None = None
        self._hooks = HookSequence(launch.job.hooks) if launch.job.HasField("hooks") else None
        self._is_complete = False  # whether the output is
        self._kept: Sequence[event_pb2.Artefact] = ()
        self._verdict: Verdict | None = None  # before the hooks after it

    # ---- queries

    @property
    def wake_at(self) -> int | None:
        """When to call `on_time`; None for never."""
        earliest = self._output.due
        for due in (self._deadline, self._silence.due):
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    @property
    def streams(self) -> tuple[common_pb2.Stream.ValueType, ...]:
        """The streams to read."""
        return self._output.streams

    # ---- inputs

    def on_prepared(self, now: int) -> list[Action]:
        """Returns what has to be done before the process is started; nothing if it can be started."""
        if self._hooks is None or not self._hooks.begin():
            return []
        self._times.start(now)
        self._enter(State.PREPARING, self._hook_deadline(now))
        return [RunHook(BEFORE)]

    def on_spawned(self, now: int, started: event_pb2.Started) -> list[Action]:
        """Takes note that the process was started at `now`."""
        self._times.start(now)
        self._usage.start(now)
        self._silence.start(now)
        millis = self._job.settings.timeout_millis
        self._enter(State.RUNNING, now + millis * MILLI if millis else None)
        return [Record([self._stamp.event(now, started=started)])]

    def on_input_missing(self, now: int, message: str) -> list[Action]:
        """Gives up an attempt that lacks something that other jobs should have made."""
        self._facts.input = message
        return self._finish(now) if self.state is State.STARTING else []

    def on_spawn_failed(
        self, now: int, message: str, *, transient: bool, patient: bool = False
    ) -> list[Action]:
        """Retries or gives up a start that failed; `transient` if it may succeed later.

        With `patient` there is no timeout, because other attempts of the host will free what is missing.
        """
        if not transient:
            self._facts.not_started = message
            return self._finish(now)
        self._deadline = self._starts.next_start(now, is_patient=patient)
        if self._deadline is None:
            self._facts.lost = f"could not be started within {limit_text(SPAWN_NANOS)}: {message}"
            return self._finish(now)
        return []

    def on_fault(self, now: int, message: str) -> list[Action]:
        """Declares the attempt lost and kills its processes, because Gator itself failed at the start."""
        if self.state is State.FINISHED:
            return []
        self._facts.lost = message
        return self._finish(now) if self.state is State.STARTING else self._kill(now)

    def on_output(self, now: int, stream: common_pb2.Stream.ValueType, data: bytes) -> list[Action]:
        """Takes bytes that were read."""
        if self._is_complete:
            return []
        self._times.read(now)
        self._silence.reset(now)
        return _record(self._output.feed(stream, data, now, now + self._stamp.offset))

    def on_eof(self, now: int, stream: common_pb2.Stream.ValueType) -> list[Action]:
        """Takes note that a pipe has reached its end."""
        self._open.discard(stream)
        if self.state is State.DRAINING and not self._open:
            return self._sweep()
        return []

    def on_exited(self, now: int, ended: Exit) -> list[Action]:
        """Takes note that the leader was reaped."""
        if self.state not in ALIVE:
            return []
        self._times.ended = now
        self._exit = ended
        self._facts.exit_code = ended.code
        self._facts.signal = ended.signal
        self._facts.out_of_memory = ended.out_of_memory
        if self._open:
            self._enter(State.DRAINING, now + DRAIN_NANOS)
            return []
        return self._sweep()

    def on_left_over(self, now: int, names: list[str]) -> list[Action]:
        """Ends the leftover processes, or the attempt if there are none; all output was read before."""
        match self.state:
            case State.SWEEPING | State.ENDING_REST | State.KILLING_REST if not names:
                return (
                    self._read_reports(now) if self._verdict is None else self._conclude(now, self._verdict)
                )
            case State.SWEEPING:
                return self._end_rest(now, names)
            case State.ENDING_REST | State.KILLING_REST:
                return self._end_rest_further(now, names)
            case _:
                return []

    def on_time(self, now: int) -> list[Action]:
        """Does everything that is due at `wake_at`."""
        actions = _record(self._output.flush_due(now))
        if self._silence.is_due(now):
            self._silence.look()
            actions += [LookAtFile()] if self._silence.watches else self._investigate()
        if self._deadline is None or now < self._deadline:
            return actions
        match self.state:
            case State.STARTING:
                self._deadline = None
                actions.append(Spawn())
            case State.RUNNING:
                self._facts.timeout_nanos = self._job.settings.timeout_millis * MILLI
                actions += self._end(now)
            case State.ENDING:
                actions += self._kill(now)
            case State.PREPARING | State.HOOKS:
                self._deadline = None
                actions.append(EndHook(signal.SIGKILL))
            case State.KILLING:
                actions += self._give_up(now, ["its first process"])
            case State.DRAINING:
                actions += self._sweep()
            case State.ENDING_REST | State.KILLING_REST:
                self._deadline = None
                actions.append(LeftoverCheck())
            case State.READING:
                limit = limit_text(READ_NANOS)
                text = f"the reports of tests could not be read within {limit}: they are left out"
                actions += [self._warning(now, text), *self._collect(now)]
            case State.COLLECTING:
                limit = limit_text(COLLECT_NANOS)
                self._facts.artefact = f"its artefacts could not be kept within {limit}"
                actions += self._finish(now)
            case State.SWEEPING | State.FINISHED:
                self._deadline = None
        return actions

    def on_late_wake(self, stood_still: int) -> None:
        """Extends timeout, grace and the limits on starting and killing: the host did not run."""
        if self._deadline is not None and self.state in TIMED:
            self._deadline += stood_still
        self._silence.exclude(stood_still)
        self._starts.exclude(stood_still)
        self._termination.exclude(stood_still)

    def warn(self, now: int, text: str) -> list[Action]:
        """Records a warning of Gator about the attempt."""
        return [] if self.state is State.FINISHED else [self._warning(now, text)]

    def follow_wall_clock(self, now: int, wall: int) -> None:
        """Advances the attempt's times after the host was suspended or its clock was set ahead."""
        self._stamp.follow(now, wall)

    def on_stop(self, now: int, stop: attach_pb2.Stop) -> list[Action]:
        """Ends the attempt; a leader that has already exited keeps its verdict."""
        at_once = stop.mode == attach_pb2.STOP_MODE_NOW
        if at_once and self._hooks is not None:
            self._hooks.skip()
        if self.state in ALIVE or self.state is State.STARTING:
            if self._facts.stop is None:
                self._facts.stop = (stop.reason, stop.message)
            if self.state is State.STARTING:
                return self._finish(now)
            if at_once and self.state is not State.KILLING:
                return self._kill(now)
            return self._end(now) if self.state is State.RUNNING else []
        if self.state is State.PREPARING:
            self._facts.stop = self._facts.stop or (stop.reason, stop.message)
            return [EndHook(signal.SIGKILL if at_once else signal.SIGTERM)]
        if not at_once:
            return []
        match self.state:
            case State.DRAINING | State.SWEEPING:
                self._termination.end_grace(now)
                return self._sweep() if self.state is State.DRAINING else []
            case State.ENDING_REST:
                return self._kill_rest(now)
            case State.READING | State.COLLECTING:
                return self._finish(now)
            case State.HOOKS:
                return [EndHook(signal.SIGKILL)]
            case _:
                return []

    def on_sample(self, now: int, sample: event_pb2.Sample, peak_memory: int) -> list[Action]:
        """Takes a sample of the processes of the attempt; `peak_memory` is in bytes, as far as known."""
        if self.state is State.FINISHED or self.state is State.STARTING:
            return []
        self._silence.add_sample(now, sample.cores)
        events = [self._stamp.event(now, sample=sample)]
        events += [self._stamp.warning(now, text) for text in self._usage.add(now, sample, peak_memory)]
        actions: list[Action] = [Record(events)]
        excess = self._usage.excess()
        if excess is not None and self.state in ALIVE and self.state is not State.KILLING:
            self._facts.memory = excess
            actions += self._kill(now)
        return actions

    def on_client_event(self, now: int, event: event_pb2.Event, *, notice: bool = False) -> list[Action]:
        """Handles a message or metric value from one of the attempt's own processes.

        A `notice` comes from the client in that process and is recorded as a warning of Gator.
        """
        if self.state is State.FINISHED:
            return []
        if not notice:
            self._silence.reset(now)
        return _record(self._client.take(self._stamp, now, event, notice=notice))

    def on_file(self, now: int, state: FileState) -> list[Action]:
        """Takes the state of the watched file."""
        if self.state is not State.RUNNING:
            return []
        self._silence.on_file(now, state)
        return self._investigate() if self._silence.is_over(now) else []

    def _investigate(self) -> list[Action]:
        self._silence.last_words = self._output.last_words()
        return [Investigate()]

    def on_evidence(self, now: int, evidence: Evidence) -> list[Action]:
        """Ends the attempt because it hangs, unless there was a sign of life since its silence was due."""
        has_life = not self._silence.is_over(now) and not evidence.prints_stacks
        if self.state is not State.RUNNING or has_life:
            return []
        limit = limit_text(self._silence.limit)
        self._facts.hang = hang_of(evidence, self._silence.limit, self._silence.last_words)
        text = text_of(evidence, limit, span(self._silence.cpu_nanos))
        return [Record([self._stamp.warning(now, text, maximum=MAX_EVIDENCE)]), *self._end(now)]

    def on_reports(self, now: int, files: Sequence[ReportFile]) -> list[Action]:
        """Takes the reports of tests, and ends the attempt."""
        if self.state is not State.READING:
            return []
        found = take_reports(files, self._messages, self._client.metrics)
        return [*_record(found.events(self._stamp, now)), *self._collect(now)]

    def on_artefacts(self, now: int, found: Collected) -> list[Action]:
        """Takes what was kept of the attempt, and ends it."""
        if self.state is not State.COLLECTING:
            return []
        self._kept = found.artefacts
        self._facts.artefact = "; ".join(found.problems)
        events = [self._stamp.event(now, artefact=each) for each in found.artefacts]
        events += [self._stamp.event(now, artefact_content=each) for each in found.contents]
        events += [self._stamp.warning(now, text) for text in found.warnings]
        return [*_record(events), *self._finish(now)]

    def on_hook(self, now: int, end: HookEnd) -> list[Action]:
        """Takes the end of a hook. A hook `before` that failed fails the attempt; others give a warning."""
        hooks = self._hooks
        if hooks is None or self.state not in (State.PREPARING, State.HOOKS):
            return []
        actions = _record([self._stamp.event(now, log=log) for log in hook_logs(end)])
        if end.dropped:
            text = f"{end.dropped:,} bytes of output of the hook '{end.name}' were dropped"
            actions += self.warn(now, text)
        problem = hooks.problem_of(end)
        if self.state is State.PREPARING:
            self._facts.hook = problem
            if not problem and self._facts.stop is None:
                self._enter(State.STARTING, None)
                return [*actions, Spawn()]
            return [*actions, *self._sweep()]
        if problem:
            actions += self.warn(now, problem)
        return [*actions, *self._next_hook(now, hooks.next())]

    # ---- transitions

    def _hook_deadline(self, now: int) -> int | None:
        limit = self._hooks.timeout_nanos if self._hooks is not None else 0
        return now + limit if limit else None

    def _next_hook(self, now: int, name: str) -> list[Action]:
        """Runs a hook after the verdict; without one, ends the processes that hooks have left."""
        if not name or self._verdict is None:
            return self._sweep()
        self._enter(State.HOOKS, self._hook_deadline(now))
        return [RunHook(name, self._verdict.outcome, self._verdict.reason)]

    def _enter(self, state: State, deadline: int | None) -> None:
        if state is not State.RUNNING:
            self._silence.stop()
        self.state = state
        self._deadline = deadline

    def _end(self, now: int) -> list[Action]:
        if not self._termination.grace:
            return self._kill(now)
        settled = _record(self._output.settle())
        self._enter(State.ENDING, self._termination.begin(now))
        return [*settled, Signal(signal.SIGTERM)]

    def _kill(self, now: int) -> list[Action]:
        settled = _record(self._output.settle()) if self.state is State.RUNNING else []
        self._termination.end_grace(now)
        self._enter(State.KILLING, now + UNKILLABLE_NANOS)
        return [*settled, Signal(signal.SIGKILL)]

    def _sweep(self) -> list[Action]:
        self._enter(State.SWEEPING, None)
        return [LeftoverCheck()]

    def _end_rest(self, now: int, names: list[str]) -> list[Action]:
        """Warns of leftover processes and sends TERM, unless they were told to end with the leader."""
        actions: list[Action] = []
        if self._termination.kill_at is None:
            self._termination.begin(now)
            text = f"left processes behind, which are ended now: {some_of(names)}"
            actions.append(self._warning(now, text))
            if self._termination.grace:
                actions.append(Signal(signal.SIGTERM))
        self._enter(State.ENDING_REST, now + self._termination.pause)
        return [*actions, *self._kill_rest(now)] if self._termination.is_grace_over(now) else actions

    def _kill_rest(self, now: int) -> list[Action]:
        self._termination.on_killed(now)
        self._enter(State.KILLING_REST, now + self._termination.pause)
        return [Signal(signal.SIGKILL)]

    def _end_rest_further(self, now: int, names: list[str]) -> list[Action]:
        """Checks leftover processes again, kills them after the grace and finally gives them up."""
        self._termination.increase_pause()
        self._deadline = now + self._termination.pause
        if self.state is State.ENDING_REST:
            return self._kill_rest(now) if self._termination.is_grace_over(now) else []
        if self._termination.is_unkillable(now):
            return self._give_up(now, names)
        return [Signal(signal.SIGKILL)]

    def _give_up(self, now: int, names: list[str]) -> list[Action]:
        self._facts.unkillable = (
            f"could not be killed within {limit_text(UNKILLABLE_NANOS)}: {some_of(names)}"
        )
        return [self._warning(now, self._facts.unkillable), *self._finish(now)]

    def _warning(self, now: int, text: str) -> Record:
        return Record([self._stamp.warning(now, text)])

    def _read_reports(self, now: int) -> list[Action]:
        if not self._job.settings.results.list or self._facts.stop is not None or self._exit is None:
            return self._collect(now)
        self._enter(State.READING, now + READ_NANOS)
        return [ReadReports()]

    def _collect(self, now: int) -> list[Action]:
        artefacts = self._job.artefacts
        if (
            self._facts.stop is not None
            or self._exit is None
            or not (artefacts.produces or artefacts.collect)
        ):
            return self._finish(now)
        events = self._complete(now)
        passed = judge(self._facts, self._job.settings.limits).outcome == common_pb2.OUTCOME_PASSED
        self._enter(State.COLLECTING, now + COLLECT_NANOS)
        return [*_record(events), Collect(passed)]

    def _complete(self, now: int) -> list[event_pb2.Event]:
        """Returns the rest of the output."""
        if self._is_complete:
            return []
        self._is_complete = True
        events = self._output.finish()
        if capped := self._output.cap_warning():
            events.append(self._stamp.warning(now, capped))
        return events

    def _finish(self, now: int) -> list[Action]:
        """Records the rest of the output, and ends the attempt after its hooks."""
        if self._verdict is not None:
            return self._conclude(now, self._verdict)
        if not self._times.started:
            self._times.start(now)
        events = self._complete(now)
        if self._facts.expectations is not None:
            self._facts.expectations.check(self._client.metrics.total)
        self._verdict = judge(self._facts, self._job.settings.limits)
        name = self._first_hook(self._verdict)
        if name:
            return [*_record(events), *self._next_hook(now, name)]
        return self._conclude(now, self._verdict, events)

    def _first_hook(self, verdict: Verdict) -> str:
        """Returns the first hook after the end; an attempt that was stopped before its start has none."""
        hooks = self._hooks
        was_not_begun = self.state is State.STARTING and self._facts.stop is not None
        return "" if hooks is None or hooks.is_over or was_not_begun else hooks.finish(verdict.outcome)

    def _conclude(self, now: int, verdict: Verdict, last: Sequence[event_pb2.Event] = ()) -> list[Action]:
        """Records the end of the attempt, after its last events."""
        self._enter(State.FINISHED, None)
        events = [*last, *self._client.finish(self._stamp, now)]
        usage = self._usage.message(self._times, self._exit)
        if verdict.outcome == common_pb2.OUTCOME_PASSED and (text := self._usage.unused(usage)):
            events.append(self._stamp.warning(now, text))
        finished = conclude(
            self._facts, verdict, self._times, usage, self._client.metrics, self._output, self._kept
        )
        finished.ended_unix_nanos = now + self._stamp.offset
        events.append(self._stamp.event(now, attempt_finished=finished))
        return [Finished(events, finished)]


def _record(events: list[event_pb2.Event]) -> list[Action]:
    return [Record(events)] if events else []
