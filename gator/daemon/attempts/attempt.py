"""Carries out the decisions of a wrapper on a process, its pipes and the store.

Invariant: it decides nothing; events go into the state machine, and the returned actions are carried out.
"""

import errno
import os
import resource
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING

from gator.core.attempt.actions import (
    Action,
    Collect,
    EndHook,
    Exit,
    Finished,
    Investigate,
    LeftoverCheck,
    LookAtFile,
    ReadLogFiles,
    ReadReports,
    Record,
    RunHook,
    Signal,
    Spawn,
)
from gator.core.attempt.artefacts import Collected
from gator.core.attempt.hang.silence import FileState
from gator.core.attempt.hooks import HookEnd
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.start.environment import NO_INPUTS, Inputs, UnsafeScriptError
from gator.core.attempt.state import State
from gator.core.reports import ReportFile
from gator.daemon.attempts.attempt_ports import AttemptPorts
from gator.daemon.attempts.preparation import Preparation, has_inputs, ownership_of
from gator.daemon.attempts.streams import AttemptStreams
from gator.daemon.attempts.thread_work import gather, keep_artefacts, read_reports
from gator.errors import UserError, reason_of
from gator.process.ownership.birthmark import Birthmarks
from gator.process.ownership.criteria import Ownership
from gator.process.procfs import ticks_now
from gator.process.sampling import judge_peak
from gator.process.spawn import Process, SpawnError, spawn
from gator.spec.params import ALL as ALL_PARAMETERS
from gator.v1 import attach_pb2, common_pb2, event_pb2

if TYPE_CHECKING:
    from gator.core.attempt.hang.evidence import Evidence
    from gator.daemon.artefacts.collect import Collection
    from gator.daemon.attempts.files.report_files import ReportFiles
    from gator.daemon.attempts.hooks.hook_process import HookProcess
    from gator.daemon.attempts.hooks.job_hooks import JobHooks

_TRANSIENT_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})

_MAX_REST_TURNS = 2_000
"""Maximum number of turns of 10 ms in which the rest of the output is read. A pipe into which a process of
another job still writes has no end."""


class Attempt:
    """Runs one attempt; everything happens on the event loop."""

    __slots__ = (
        "_birthmarks",
        "_collection",
        "_cwd",
        "_hook",
        "_hooks",
        "_host",
        "_inputs",
        "_reports",
        "_rest_turns",
        "_since",
        "node",
        "ownership",
        "parameters",
        "preparation",
        "process",
        "streams",
        "wrapper",
    )

    def __init__(self, host: "AttemptPorts[Attempt]", node: attach_pb2.LaunchNode, log_cap: int) -> None:
        self._host = host
        self.streams = AttemptStreams()
        self.node = node
        self.process: Process | None = None
        self.ownership = Ownership(0, {})
        """How the processes of the attempt are told from others, once it has started."""
        self.parameters = ""
        """The parameters of the job by name as JSON, once it has started; empty if it has none."""
        self.preparation = Preparation(host.launcher, node)
        self._cwd = ""
        self._reports: ReportFiles | None = None
        self._inputs = None if has_inputs(node) else NO_INPUTS
        self._birthmarks: Birthmarks | None = None
        self._since = 0
        """Time of the first process in ticks since the boot."""
        self._hooks: JobHooks | None = None
        """The hooks of the job, once their environment was made; None if it has none."""
        self._hook: HookProcess | None = None
        self._collection: Collection | None = None
        self._rest_turns = 0
        self.wrapper = Wrapper(node, time_ns() - monotonic_ns(), log_cap)

    @property
    def key(self) -> tuple[str, int]:
        """Path and number of the attempt."""
        return self.node.path, self.node.attempt

    @property
    def is_over(self) -> bool:
        """Whether the attempt has its verdict."""
        return self.wrapper.state is State.FINISHED

    @property
    def _watched(self) -> str:
        """The watched file; empty if there is none."""
        watch = self.node.job.settings.silence.watch
        return os.path.join(self._cwd, watch) if watch else ""  # noqa: PTH118

    # ---- inputs

    def start(self) -> None:
        """Starts the process; a fault of Gator on the way ends the attempt as LOST."""
        try:
            self._start()
        except Exception as error:
            # An attempt that was handed out must end, whatever the fault is.
            self._host.on_fault(self, error)
            message = f"could not be started by a fault of Gator: {type(error).__name__}: {error}"
            self._take(self.wrapper.on_fault(self._now(), self._host.launcher.hide(message, self.node)))

    def _start(self) -> None:
        now = self._now()
        if self._inputs is None:
            gather(self._host.launcher.folder, self.node, self.on_inputs)
            return
        try:
            prepared = self.preparation.prepare(self._host.token(*self.key), self._inputs)
            self._cwd = prepared.cwd
            self.parameters = prepared.env.get(ALL_PARAMETERS, "")
            self._reports = self.preparation.report_files(prepared.cwd)
            self._collection = self.preparation.collection(prepared.cwd, self._host.artefact_content_bytes)
            if self._birthmarks is None:
                self._birthmarks, self._since = self._host.birthmark(), ticks_now()
            if self.node.job.HasField("hooks"):
                # Few jobs have hooks.
                from gator.daemon.attempts.hooks.job_hooks import JobHooks

                self._hooks = JobHooks(
                    self._host.launcher,
                    self.node,
                    prepared,
                    self._inputs,
                    self._birthmarks.number,
                    self.preparation.inherited,
                    self._host.run_hook,
                )
                if before := self.wrapper.on_prepared(now):
                    self._take(before)
                    return
            birthmarks = self._birthmarks
            files = self.preparation.log_files(prepared.cwd)
            process = spawn(self.preparation.command(prepared, birthmarks.number))
        except SpawnError as error:
            self._fail(error.message, error.errno, error.transient)
            return
        except (UserError, UnsafeScriptError) as error:
            self._fail(str(error), 0, False)
            return
        except OSError as error:
            message = f"cannot create its {self.preparation.making}: {error.filename}: {reason_of(error)}"
            self._fail(message, error.errno or 0, error.errno in _TRANSIENT_ERRNOS)
            return
        self.process = process
        self.ownership = ownership_of(self.node, process.pid, prepared, birthmarks, self._since)
        started = self._host.describe(process.pid, prepared, self.node)
        self._take(self.wrapper.on_spawned(now, started), partial(self._host.on_started, self))
        self.streams.pipes = self._host.watch(self, process)
        if files:
            self.streams.tail = self._host.follow(self, files)

    def stop(self, request: attach_pb2.Stop) -> None:
        """Ends the attempt."""
        self._take(self.wrapper.on_stop(self._now(), request))

    def on_time(self, now: int) -> None:
        """Handles a time that was requested by `wake`."""
        at = self.wrapper.wake_at
        if at is not None and at <= now:
            self._take(self.wrapper.on_time(now))

    def on_data(self, stream: common_pb2.Stream.ValueType, data: bytes) -> None:
        """Handles bytes from a pipe."""
        self._take(self.wrapper.on_output(self._now(), stream, data))

    def on_eof(self, stream: common_pb2.Stream.ValueType) -> None:
        """Handles the end of a pipe."""
        actions = self.wrapper.on_eof(self._now(), stream)
        if actions:
            self._take(actions)

    def on_exit(self, status: int, usage: resource.struct_rusage) -> None:
        """Handles the exit of the leader; its output is read first."""
        assert self.process is not None
        now = self._now()
        self.ownership.leader_reaped = True
        self._host.on_reaped(self, self.process.pid)
        self.streams.read_rest()
        code = os.waitstatus_to_exitcode(status)
        group = self.ownership.group
        ended = Exit(
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            user_nanos=round(usage.ru_utime * 1e9),
            system_nanos=round(usage.ru_stime * 1e9),
            peak_memory=judge_peak(None, usage) or 0,
            out_of_memory=code in (-9, 137) and self._host.out_of_memory(),
            memory_at_kill=group.memory_at_kill() if group is not None and group.memory_max else None,
        )
        self._take(self.wrapper.on_exited(now, ended))

    def on_left_over(self, names: list[str]) -> None:
        """Handles the names of the living processes of the attempt."""
        if not names and self.streams.read_rest() and self._rest_turns < _MAX_REST_TURNS:
            # What a full pipe holds may take seconds to parse, so other work gets its turn in between.
            self._rest_turns += 1
            get_running_loop().call_soon(self.on_left_over, names)
            return
        self._take(self.wrapper.on_left_over(self._now(), names))

    def on_file(self, state: FileState) -> None:
        """Handles the state of the watched file."""
        self._take(self.wrapper.on_file(self._now(), state))

    def on_evidence(self, evidence: "Evidence") -> None:
        """Handles the evidence about the silent attempt."""
        from gator.core.attempt.hang.evidence import masked

        hidden = masked(evidence, lambda text: self._host.launcher.hide(text, self.node))
        self._take(self.wrapper.on_evidence(self._now(), hidden))

    def on_reports(self, files: Sequence[ReportFile]) -> None:
        """Handles the reports of tests."""
        self._take(self.wrapper.on_reports(self._now(), files))

    def on_log_data(self, place: int, data: bytes) -> None:
        """Handles bytes from a file of `also_log`, by its place there."""
        self._take(self.wrapper.on_log_data(self._now(), place, data))

    def on_log_problem(self, text: str) -> None:
        """Records that a file of `also_log` cannot be read."""
        self.warn(self._now(), self._host.launcher.hide(text, self.node))

    def on_log_files(self) -> None:
        """Records that the files of `also_log` were read to their end."""
        self._take(self.wrapper.on_log_files(self._now()))

    def on_inputs(self, inputs: Inputs) -> None:
        """Handles the values from jobs that ran before; starts the attempt unless one is missing."""
        if self.is_over:
            return
        self._inputs = inputs
        if inputs.problem:
            self._take(self.wrapper.on_input_missing(self._now(), inputs.problem))
        else:
            self.start()

    def on_artefacts(self, collected: Collected) -> None:
        """Handles the artefacts that were kept."""
        self._take(self.wrapper.on_artefacts(self._now(), collected))

    def on_hook(self, end: HookEnd) -> None:
        """Handles the end of a hook."""
        self._hook = None
        if self.process is None:
            self.ownership.leader_reaped = True
        self._take(self.wrapper.on_hook(self._now(), end))

    def on_sample(self, sample: event_pb2.Sample, peak_memory: int) -> None:
        """Handles a sample of the attempt's usage; the peak is in bytes."""
        group = self.ownership.group
        is_limited = group is not None and bool(group.memory_max)
        self._take(self.wrapper.on_sample(self._now(), sample, peak_memory, is_limited=is_limited))

    def on_client_event(
        self, event: event_pb2.Event, then: Callable[[], None], *, notice: bool = False
    ) -> None:
        """Records an event of one of the attempt's own processes; `then` is called once it is committed."""
        actions = self.wrapper.on_client_event(self._now(), event, notice=notice)
        # An event that is only counted waits for those before it too, because an ack covers both.
        self._take(actions or [Record([])], then)

    def on_late_wake(self, stood_still: int) -> None:
        """Excludes a time in nanoseconds for which the host did not run from all limits."""
        self.wrapper.on_late_wake(stood_still)

    def warn(self, now: int, text: str) -> None:
        """Records a warning of Gator itself."""
        self._take(self.wrapper.warn(now, text))

    # ---- actions

    def _take(self, actions: list[Action], then: Callable[[], None] | None = None) -> None:
        """Carries out the actions of the wrapper in order; `then` follows the commit of the first records."""
        for action in actions:
            match action:
                case Record(events):
                    self._host.append(self, events, then)
                    then = None
                case Finished(events, finished):
                    self.streams.close()
                    self.preparation.close()
                    self._host.on_over(self, finished)
                    self._host.append(self, events, partial(self._host.on_committed, self, finished))
                case LookAtFile():
                    self._host.look(self, self._watched)
                case Investigate():
                    self._host.investigate(self, self._watched)
                case ReadLogFiles():
                    self.streams.finish_logs(self.on_log_files)
                case ReadReports():
                    if self._reports is not None:
                        read_reports(self._reports, self.on_reports)
                case LeftoverCheck():
                    self._host.find_leftovers(self)
                case Collect(passed):
                    if self._collection is not None:
                        keep_artefacts(self._collection, self.on_artefacts, passed=passed)
                case RunHook():
                    self._run_hook(action)
                case EndHook(number):
                    if self._hook is not None:
                        self._hook.signal(number)
                case Signal(number):
                    self._host.signal(self, number)
                case Spawn():
                    self.start()
        at = self.wrapper.wake_at
        if at is not None:
            self._host.wake(at)

    def _fail(self, message: str, number: int, transient: bool) -> None:
        # The descriptors of this process come back when its other attempts end, however long they run.
        patient = number == errno.EMFILE and self._host.has_others(self)
        now = self._now()
        message = self._host.launcher.hide(message, self.node)
        self._take(self.wrapper.on_spawn_failed(now, message, transient=transient, patient=patient))

    def _now(self) -> int:
        now = self._host.now()
        self.wrapper.follow_wall_clock(now, time_ns())
        return now

    def _run_hook(self, action: RunHook) -> None:
        if self._hooks is None or self._birthmarks is None:
            # Its environment could not be made, which is also why the attempt did not start.
            self.on_hook(HookEnd(action.name, problem="the environment of the job could not be made"))
            return
        hook = self._hooks.run(action, self.on_hook)
        if hook is not None:
            self._hook = hook
            if self.process is None:
                prepared = self._hooks.prepared
                self.ownership = ownership_of(self.node, hook.pid, prepared, self._birthmarks, self._since)
