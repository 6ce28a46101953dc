"""Hosts the attempts of a daemon: starts what is handed out, one after another within a lease.

Invariant: the end of an attempt is reported only after it is committed.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gator.core.attempt.hooks import HookEnd
from gator.core.attempt.start.environment import Prepared
from gator.core.text import readable
from gator.daemon.attempts.attempt import Attempt
from gator.daemon.attempts.files.scratch import remove_inputs, remove_scratch, stays
from gator.daemon.attempts.hooks.group_hooks import GroupHooks
from gator.daemon.attempts.host_context import WrapperContext, make_launcher
from gator.daemon.attempts.lease_runner import LeaseRunner
from gator.daemon.attempts.leftovers import Leftovers
from gator.daemon.attempts.metering import Metering
from gator.daemon.attempts.outbox import Outbox, Store
from gator.daemon.attempts.thread_work import Removals
from gator.daemon.attempts.timer import AttemptTimer, late_wake_text
from gator.daemon.modes import SAMPLE_INTERVAL_MILLIS
from gator.errors import PreconditionError
from gator.node_paths import is_below
from gator.process.oom import count_oom_kills
from gator.process.ownership.attempt_cgroups import Groups
from gator.process.ownership.birthmark import Birthmarks, each_birthmark
from gator.process.pipes import Pipe, Pipes
from gator.process.reaper import Reaper
from gator.process.spawn import Process, SpawnRequest
from gator.process.terminate import Ended
from gator.v1 import attach_pb2, common_pb2, event_pb2

if TYPE_CHECKING:
    from gator.daemon.attempts.files.followed_file import FollowedFile
    from gator.daemon.attempts.files.log_tail import LogTail
    from gator.daemon.attempts.hooks.hook_process import HookProcess

Key = tuple[str, int]
RUNNER_END_SECONDS = 60.0
"""Timeout of the command that removes the leavings of a runner."""


class WrapperHost:
    """Runs attempts on one event loop, in the main thread.

    `on_started(path, attempt)` and `on_finished(path, attempt, end)` are called after the commit;
    `on_late_wake(nanos)` when this process did not run for a while. `expected`, a live view, holds
    every child of this process that is not an orphan it adopted: leaders, guards, daemons; without it
    these are the children that the reaper watches.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        store: Store,
        reaper: Reaper,
        context: WrapperContext,
        *,
        on_finished: Callable[[str, int, event_pb2.AttemptFinished], None],
        on_started: Callable[[str, int], None] = lambda path, attempt: None,
        on_late_wake: Callable[[int], None] = lambda stood_still: None,
        expected: Container[int] | None = None,
    ) -> None:
        self._loop = loop
        self._outbox = Outbox(loop, store)
        self._reaper = reaper
        self._context = context
        self._report_finished, self._report_started = on_finished, on_started
        self._report_late_wake = on_late_wake
        self.launcher = make_launcher(context)
        self._pipes = Pipes(loop)
        self._leases = LeaseRunner(loop, start=self._start, on_idle=self._check_idle)
        self._attempts: dict[Key, Attempt] = {}
        self._uncommitted = 0
        self._idle: list[Callable[[], None]] = []
        self._removals = Removals(self._check_idle)
        self._timer = AttemptTimer(loop, on_time=self._on_time, exclude=self._exclude, poll=self._poll)
        watched = reaper.watched if expected is None else expected
        self._leftovers = Leftovers(loop, watched)
        self._birthmarks = each_birthmark(context.run.run, context.daemon)
        longest = (context.run.sample_interval_millis or SAMPLE_INTERVAL_MILLIS) / 1e3
        self._metering = Metering(loop, longest, partial(Groups, context.run.run, context.daemon))
        self._oom_kills = count_oom_kills()

    # ---- messages of the engine

    @property
    def running(self) -> list[attach_pb2.AttemptRef]:
        """The attempts that were started and have not ended."""
        return [attach_pb2.AttemptRef(path=path, attempt=attempt) for path, attempt in self._attempts]

    def launch(self, node: attach_pb2.LaunchNode) -> None:
        """Runs an attempt as soon as those before it under the same lease have ended."""
        self._leases.add(node)

    def stop(self, request: attach_pb2.Stop) -> None:
        """Ends attempts at or below a path: waiting ones are CANCELLED at once, ended ones keep their end."""
        self._timer.now()
        while not self._reaper.poll():
            pass
        for node in self._leases.take_waiting(lambda node: is_below(node.path, request.path)):
            attempt = Attempt(self, node, self._context.run.log_cap_bytes)
            attempt.stop(request)
        if request.mode == attach_pb2.STOP_MODE_HOLD:
            return
        for attempt in list(self._attempts.values()):
            if is_below(attempt.node.path, request.path):
                attempt.stop(request)

    def recall(self, leases: Iterable[int]) -> list[attach_pb2.AttemptRef]:
        """Returns the waiting attempts of these leases to the parent, or of all leases if there are none."""
        return self._leases.recall(leases)

    def client_event(
        self,
        path: str,
        attempt: int,
        event: event_pb2.Event,
        then: Callable[[], None],
        *,
        notice: bool = False,
    ) -> Awaitable[None] | None:
        """Records a report of a job's own process; `then` is called once it is committed.

        A `notice` does not count against the job. Raises PreconditionError when the attempt does not run.
        The awaitable, if any, is done when there is room for more.
        """
        running = self._attempts.get((path, attempt))
        if running is None:
            raise PreconditionError(f"attempt {attempt} of {path} does not run here")
        if not self._outbox.is_full:
            running.on_client_event(event, then, notice=notice)
            return None
        room: asyncio.Future[None] = self._loop.create_future()

        def kept() -> None:
            then()
            if not room.done():
                room.set_result(None)

        running.on_client_event(event, kept, notice=notice)
        return room

    def parameters(self, path: str, attempt: int) -> str:
        """Returns the parameters of the job of an attempt as JSON; empty if it has none or does not run."""
        running = self._attempts.get((path, attempt))
        return "" if running is None else running.parameters

    def drain(self, then: Callable[[], None]) -> None:
        """Calls `then` once nothing runs or waits, every end is committed and every folder removed."""
        self._idle.append(then)
        self._loop.call_soon(self._check_idle)

    async def end_adopted(self, grace_seconds: float) -> Ended:
        """Ends all orphans that this process adopted. Must be called when no attempt runs."""
        return await self._leftovers.end_adopted(grace_seconds)

    def close(self) -> None:
        """Closes pipes and timers; running processes are not ended."""
        self._outbox.send()
        self._timer.cancel()
        self._metering.close()
        self._leftovers.close()
        self._pipes.close()

    # ---- ports of an attempt

    def append(
        self, attempt: Attempt, events: list[event_pb2.Event], then: Callable[[], None] | None
    ) -> None:
        """Stores events, and pauses the attempt if the store cannot keep up."""
        self._outbox.append(attempt, events, then)

    def watch(self, attempt: Attempt, process: Process) -> dict[common_pb2.Stream.ValueType, Pipe]:
        """Reads the pipes of a process that was started, and waits for its end."""
        self._reaper.watch(process.pid, attempt.on_exit)
        self._leftovers.add(attempt)
        self._metering.add(attempt, process.pid)
        fds = {common_pb2.STREAM_STDOUT: process.stdout_fd}
        if process.stderr_fd is not None:
            fds[common_pb2.STREAM_STDERR] = process.stderr_fd
        pipes = {
            stream: self._pipes.open(fd, partial(attempt.on_data, stream), partial(attempt.on_eof, stream))
            for stream, fd in fds.items()
        }
        if self._outbox.holds(attempt):
            for pipe in pipes.values():
                pipe.pause()
        return pipes

    def token(self, path: str, attempt: int) -> str:
        """Returns the token with which the attempt's own processes report."""
        return self._context.token(path, attempt)

    def birthmark(self) -> Birthmarks:
        """Returns a number that identifies the next attempt's processes."""
        return next(self._birthmarks)

    def describe(self, pid: int, prepared: Prepared, node: attach_pb2.LaunchNode) -> event_pb2.Started:
        """Returns the record of a start."""
        return event_pb2.Started(
            host=self._context.host,
            pid=pid,
            argv=map(_as_text, prepared.shown),
            cwd=_as_text(prepared.shown_cwd),
            daemon=self._context.daemon,
            cores=node.cores,
            seed=node.seed if node.job.settings.retries.reseed else 0,
        )

    def find_leftovers(self, attempt: Attempt) -> None:
        """Finds the living processes of an attempt."""
        self._leftovers.report(attempt)

    def signal(self, attempt: Attempt, number: int) -> None:
        """Sends a signal to all processes of an attempt."""
        self._leftovers.signal(attempt, number)

    def look(self, attempt: Attempt, watch: str) -> None:
        """Looks at the watched file of an attempt."""
        self._leftovers.look(attempt, watch)

    def investigate(self, attempt: Attempt, watch: str) -> None:
        """Finds out what the silent processes of an attempt do."""
        self._leftovers.investigate(attempt, watch)

    def follow(self, attempt: Attempt, files: "Sequence[FollowedFile]") -> "LogTail":
        """Follows files to which an attempt writes."""
        # Few jobs have such files.
        from gator.daemon.attempts.files.log_tail import LogTail

        tail = LogTail(self._loop, files, attempt.on_log_data, attempt.on_log_problem)
        if self._outbox.holds(attempt):
            tail.pause()
        return tail

    @property
    def artefact_content_bytes(self) -> int:
        """The maximum size of a file whose content is recorded."""
        return self._context.run.artefact_content_bytes

    @property
    def group_hooks(self) -> GroupHooks:
        """The runner of hooks of the groups whose tiers are in this process."""
        return GroupHooks(self._loop, self._reaper, lambda: self.launcher)

    def run_hook(self, name: str, command: SpawnRequest, then: Callable[[HookEnd], None]) -> "HookProcess":
        """Starts a hook; `then` gets its end, at once or later."""
        # Few jobs have hooks.
        from gator.daemon.attempts.hooks.hook_process import HookProcess

        return HookProcess(name, command, self._reaper, self._pipes, then)

    def on_reaped(self, attempt: Attempt, pid: int) -> None:
        """Stops sampling an attempt whose leader was reaped."""
        self._metering.remove(pid)

    def out_of_memory(self) -> bool:
        """Returns whether the kernel ended a process for lack of memory since the last call."""
        before, self._oom_kills = self._oom_kills, count_oom_kills()
        return self._oom_kills > before

    def has_others(self, attempt: Attempt) -> bool:
        """Returns whether processes of other attempts run here."""
        return any(other.process is not None for other in self._attempts.values() if other is not attempt)

    def on_fault(self, attempt: Attempt, error: Exception) -> None:
        """Reports a fault of Gator."""
        context = {"message": f"{attempt.node.path} could not be started", "exception": error}
        self._loop.call_exception_handler(context)

    def on_started(self, attempt: Attempt) -> None:
        """Reports a committed start."""
        self._report_started(*attempt.key)

    def on_over(self, attempt: Attempt, finished: event_pb2.AttemptFinished) -> None:
        """Starts the next attempt of the lease, because no process of this one lives."""
        self._uncommitted += 1
        self._outbox.forget(attempt)
        self._leftovers.remove(attempt)
        if self._attempts.pop(attempt.key, None) is not None:
            self._leases.on_ended(attempt.node.lease)
        if attempt.preparation.runner_end is not None:
            self._run_end(attempt.preparation.runner_end)
        if attempt.node.inputs and finished.outcome == common_pb2.OUTCOME_PASSED:
            self._removals.remove(partial(remove_inputs, self.launcher.folder, *attempt.key))
        scratch = attempt.preparation.scratch
        if scratch and not stays(attempt.node.job.settings.scratch, finished.outcome):
            self._removals.remove(partial(remove_scratch, scratch))

    def on_committed(self, attempt: Attempt, finished: event_pb2.AttemptFinished) -> None:
        """Reports a committed end."""
        self._uncommitted -= 1
        self._report_finished(attempt.node.path, attempt.node.attempt, finished)
        self._check_idle()

    def _run_end(self, command: SpawnRequest) -> None:
        """Runs the command that removes the leavings of a runner, for a bounded time."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._removals.add(done)
        process = self.run_hook("end", command, lambda end: done.set_result(None))
        kill = self._loop.call_later(RUNNER_END_SECONDS, partial(process.signal, signal.SIGKILL))
        done.add_done_callback(lambda _: kill.cancel())

    def _check_idle(self) -> None:
        if self._idle and self._leases.is_idle and not self._uncommitted and self._removals.is_idle:
            idle, self._idle = self._idle, []
            for then in idle:
                then()

    def _start(self, node: attach_pb2.LaunchNode) -> None:
        attempt = Attempt(self, node, self._context.run.log_cap_bytes)
        self._attempts[attempt.key] = attempt
        attempt.start()

    # ---- time

    def now(self) -> int:
        """Returns the monotonic time in nanoseconds, after late wake-ups have been credited."""
        return self._timer.now()

    def wake(self, at: int) -> None:
        """Calls `on_time` of all attempts at this time, or up to one tick later."""
        self._timer.wake(at)

    def _exclude(self, now: int, stood_still: int) -> None:
        for attempt in self._attempts.values():
            attempt.on_late_wake(stood_still)
        # Only the attempt with the least time left records the warning, instead of all of them.
        timed = [attempt for attempt in self._attempts.values() if attempt.wrapper.wake_at is not None]
        if timed:
            nearest = min(timed, key=lambda attempt: attempt.wrapper.wake_at or 0)
            nearest.warn(now, late_wake_text(stood_still))
        self._report_late_wake(stood_still)

    def _poll(self) -> bool:
        self._pipes.poll()
        return self._reaper.poll()

    def _on_time(self, now: int) -> int | None:
        for attempt in list(self._attempts.values()):
            attempt.on_time(now)
        wakes = (attempt.wrapper.wake_at for attempt in self._attempts.values())
        return min((at for at in wakes if at is not None), default=None)


def _as_text(part: str) -> str:
    """Returns an argument as valid text for the record; bytes that are not UTF-8 are escaped."""
    return readable(part.encode("utf-8", "surrogateescape"))
