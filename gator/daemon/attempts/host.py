"""Hosts the attempts of a daemon: starts what is handed out, one after another within a lease.

Rule: an attempt's end is told only after it is committed, and there is one timer for all attempts.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import monotonic_ns

from msgspec import Struct, field

from gator.core.attempt.environment import Launcher, Prepared
from gator.core.late_wakes import LateWakeDetector
from gator.core.text import readable
from gator.daemon.attempts.attempt import Attempt
from gator.daemon.attempts.leftovers import Rest
from gator.daemon.attempts.metering import Metering
from gator.daemon.attempts.outbox import Outbox, Store
from gator.daemon.attempts.scratch import remove_scratch, stays
from gator.errors import PreconditionError
from gator.loop import beside
from gator.node_paths import is_below
from gator.process.ownership.attempt_cgroups import Groups
from gator.process.ownership.birthmark import Birthmarks, each_birthmark
from gator.process.pipes import Pipe, Pipes
from gator.process.reaper import Reaper
from gator.process.spawn import Process
from gator.process.terminate import Ended
from gator.units import span
from gator.v1 import attach_pb2, common_pb2, event_pb2

Key = tuple[str, int]

BEAT_NANOS = 1_000_000_000
"""Maximum time between two checks of the clock while a timer runs, to detect late wake-ups."""
MAX_STARTS_IN_TURN = 16
"""Maximum number of processes started in one turn of the loop, because signals and output wait meanwhile."""
TICK_NANOS = 10_000_000
"""The timer fires at most so often."""
DEFAULT_SAMPLE_MILLIS = 5_000


class WrapperContext(Struct, frozen=True):
    """What holds for all jobs of a daemon.

    `daemon` is its id, empty when inline. `parent` is the address where a job's processes reach it, and
    `token` gives theirs by path and attempt. `environment` and `launch_dir` are those of the launch.
    """

    run: attach_pb2.RunContext
    host: str
    environment: Mapping[str, str]
    launch_dir: str
    token: Callable[[str, int], str]
    daemon: str = ""
    parent: str = ""


class _Lease(Struct):
    running: Attempt | None = None
    waiting: deque[attach_pb2.LaunchNode] = field(default_factory=deque[attach_pb2.LaunchNode])


class WrapperHost:
    """Runs attempts on one event loop, in the main thread.

    `on_started(path, attempt)` and `on_finished(path, attempt, end)` are called after the commit;
    `on_late_wake(nanos)` when this process did not run for a while. `expected`, a live view, holds
    every child of this process that is not an orphan it adopted: leaders, guards, daemons; left out it is
    what the reaper watches.
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
        self._tell_finished, self._tell_started = on_finished, on_started
        self._tell_late_wake = on_late_wake
        self.launcher = Launcher(
            context.environment,
            run=context.run.run,
            folder=context.run.folder,
            launch_dir=context.launch_dir,
            daemon=context.daemon,
            parent=context.parent,
            secrets=context.run.secrets,
            exists=os.path.exists,
        )
        self._pipes = Pipes(loop)
        self._leases: dict[int, _Lease] = {}
        self._attempts: dict[Key, Attempt] = {}
        self._to_start: deque[int] = deque()
        """Leases whose next attempt starts in a later turn of the loop."""
        self._started_in_turn = 0
        self._uncommitted = 0
        self._idle: list[Callable[[], None]] = []
        self._removals: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._late_wakes = LateWakeDetector()
        watched = reaper.watched if expected is None else expected
        self._rest = Rest(loop, watched)
        self._births = each_birthmark(context.run.run, context.daemon)
        longest = (context.run.sample_interval_millis or DEFAULT_SAMPLE_MILLIS) / 1e3
        self._metering = Metering(loop, longest, partial(Groups, context.run.run, context.daemon))
        self._oom_kills = _count_oom_kills()

    # ---- orders

    @property
    def running(self) -> list[attach_pb2.AttemptRef]:
        """The attempts that were started and have not ended."""
        return [attach_pb2.AttemptRef(path=path, attempt=attempt) for path, attempt in self._attempts]

    def launch(self, node: attach_pb2.LaunchNode) -> None:
        """Runs an attempt as soon as those before it under the same lease have ended."""
        lease = self._leases.get(node.lease)
        if lease is None:
            lease = self._leases[node.lease] = _Lease()
        lease.waiting.append(node)
        if lease.running is None:
            self._start_soon(node.lease)

    def stop(self, order: attach_pb2.Stop) -> None:
        """Ends attempts at or below a path: waiting ones are CANCELLED at once, ended ones keep their end."""
        self.now()
        while not self._reaper.poll():
            pass
        for node in self._take_waiting(lambda node: is_below(node.path, order.path)):
            attempt = Attempt(self, node, self._context.run.log_cap_bytes)
            attempt.stop(order)
        if order.mode == attach_pb2.STOP_MODE_HOLD:
            return
        for attempt in list(self._attempts.values()):
            if is_below(attempt.node.path, order.path):
                attempt.stop(order)

    def recall(self, leases: Iterable[int]) -> list[attach_pb2.AttemptRef]:
        """Gives back what waits under these leases, or under any when there is none."""
        wanted = set(leases)
        nodes = self._take_waiting(lambda node: not wanted or node.lease in wanted)
        return [attach_pb2.AttemptRef(path=node.path, attempt=node.attempt) for node in nodes]

    def client_event(
        self,
        path: str,
        attempt: int,
        event: event_pb2.Event,
        then: Callable[[], None],
        *,
        notice: bool = False,
    ) -> Awaitable[None] | None:
        """Keeps what a job's own process reports; `then` is called once it is committed.

        A `notice` does not count against the job. Raises PreconditionError when the attempt does not run.
        The awaitable, if any, is done when there is room for more.
        """
        found = self._attempts.get((path, attempt))
        if found is None:
            raise PreconditionError(f"attempt {attempt} of {path} does not run here")
        if not self._outbox.is_full:
            found.on_client_event(event, then, notice=notice)
            return None
        room: asyncio.Future[None] = self._loop.create_future()

        def kept() -> None:
            then()
            if not room.done():
                room.set_result(None)

        found.on_client_event(event, kept, notice=notice)
        return room

    def drain(self, then: Callable[[], None]) -> None:
        """Calls `then` once nothing runs or waits, every end is committed and every folder removed."""
        self._idle.append(then)
        self._loop.call_soon(self._check_idle)

    async def end_adopted(self, grace_seconds: float) -> Ended:
        """Ends all orphans that this process adopted. Must be called when no attempt runs."""
        return await self._rest.end_adopted(grace_seconds)

    def close(self) -> None:
        """Lets go of pipes and timers; what still runs is not ended by this."""
        self._outbox.send()
        if self._timer is not None:
            self._timer.cancel()
        self._metering.close()
        self._rest.close()
        self._pipes.close()

    # ---- leases

    def _start_soon(self, number: int) -> None:
        """Starts the next attempt of a lease, in a later turn of the loop where many start at once."""
        if self._to_start or self._started_in_turn >= MAX_STARTS_IN_TURN:
            self._to_start.append(number)
            return
        if not self._started_in_turn:
            self._loop.call_soon(self._begin_turn)
        self._started_in_turn += 1
        self._start_next(number)

    def _begin_turn(self) -> None:
        self._started_in_turn = min(MAX_STARTS_IN_TURN, len(self._to_start))
        if self._started_in_turn:
            self._loop.call_soon(self._begin_turn)
        for _ in range(self._started_in_turn):
            self._start_next(self._to_start.popleft())

    def _start_next(self, number: int) -> None:
        lease = self._leases.get(number)
        if lease is None or lease.running is not None:
            return
        if not lease.waiting:
            del self._leases[number]
            self._check_idle()
            return
        node = lease.waiting.popleft()
        attempt = lease.running = Attempt(self, node, self._context.run.log_cap_bytes)
        self._attempts[attempt.key] = attempt
        attempt.start()

    def _take_waiting(self, wanted: Callable[[attach_pb2.LaunchNode], bool]) -> list[attach_pb2.LaunchNode]:
        taken: list[attach_pb2.LaunchNode] = []
        for lease in self._leases.values():
            if any(map(wanted, lease.waiting)):
                taken += filter(wanted, lease.waiting)
                lease.waiting = deque(node for node in lease.waiting if not wanted(node))
        return taken

    # ---- surroundings of an attempt

    def append(
        self, attempt: Attempt, events: list[event_pb2.Event], then: Callable[[], None] | None
    ) -> None:
        """Store events, and hold the attempt up if the store cannot follow."""
        self._outbox.append(attempt, events, then)

    def watch(self, attempt: Attempt, process: Process) -> dict[common_pb2.Stream.ValueType, Pipe]:
        """Reads the pipes of a process that was started, and waits for its end."""
        self._reaper.watch(process.pid, attempt.on_exit)
        self._rest.add(attempt)
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
        return next(self._births)

    def describe(self, pid: int, prepared: Prepared, cores: int) -> event_pb2.Started:
        """Returns the record of a start."""
        return event_pb2.Started(
            host=self._context.host,
            pid=pid,
            argv=map(_as_text, prepared.shown),
            cwd=_as_text(prepared.shown_cwd),
            daemon=self._context.daemon,
            cores=cores,
        )

    def look(self, attempt: Attempt) -> None:
        """See what still lives of an attempt."""
        self._rest.look(attempt)

    def signal(self, attempt: Attempt, number: int) -> None:
        """Sends a signal to all that belongs to an attempt."""
        self._rest.signal(attempt, number)

    def on_reaped(self, attempt: Attempt, pid: int) -> None:
        """The leader of an attempt is gone."""
        self._metering.remove(pid)

    def out_of_memory(self) -> bool:
        """Returns whether the kernel ended something for want of memory since this was asked last."""
        before, self._oom_kills = self._oom_kills, _count_oom_kills()
        return self._oom_kills > before

    def has_others(self, attempt: Attempt) -> bool:
        """Returns whether processes of other attempts run here."""
        return any(other.process is not None for other in self._attempts.values() if other is not attempt)

    def on_fault(self, attempt: Attempt, error: Exception) -> None:
        """Tells of what never should happen."""
        context = {"message": f"{attempt.node.path} could not be started", "exception": error}
        self._loop.call_exception_handler(context)

    def on_started(self, attempt: Attempt) -> None:
        """A start is committed."""
        self._tell_started(*attempt.key)

    def on_over(self, attempt: Attempt, finished: event_pb2.AttemptFinished) -> None:
        """Nothing of an attempt lives any more: the next of its lease may start."""
        self._uncommitted += 1
        self._outbox.forget(attempt)
        self._rest.remove(attempt)
        if self._attempts.pop(attempt.key, None) is not None:
            number = attempt.node.lease
            self._leases[number].running = None
            # Not from here: a row of attempts that cannot start would call itself again and again.
            self._loop.call_soon(self._start_next, number)
        if attempt.scratch and not stays(attempt.node.job.settings.scratch, finished.outcome):
            removal = beside(partial(remove_scratch, attempt.scratch))
            self._removals.add(removal)
            removal.add_done_callback(self._on_removed)

    def on_committed(self, attempt: Attempt, finished: event_pb2.AttemptFinished) -> None:
        """The end of an attempt is committed."""
        self._uncommitted -= 1
        self._tell_finished(attempt.node.path, attempt.node.attempt, finished)
        self._check_idle()

    def _on_removed(self, removal: "asyncio.Future[None]") -> None:
        self._removals.discard(removal)
        self._check_idle()

    def _check_idle(self) -> None:
        if self._idle and not (self._leases or self._uncommitted or self._removals):
            idle, self._idle = self._idle, []
            for then in idle:
                then()

    # ---- time

    def now(self) -> int:
        """This moment in nanoseconds of the monotonic clock, after what was late has been credited.

        Every decision about an attempt takes the time from here, so that none uses an uncredited time.
        """
        now = monotonic_ns()
        stood_still = self._late_wakes.on_wake(now)
        if stood_still:
            self._credit(now, stood_still)
        return now

    def wake(self, at: int) -> None:
        """Calls `on_time` of all attempts at this time, or up to one tick later."""
        at = min(at, monotonic_ns() + BEAT_NANOS)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at / 1e9, self._on_timer)
        self._late_wakes.expect(at)

    def _credit(self, now: int, stood_still: int) -> None:
        for attempt in self._attempts.values():
            attempt.on_late_wake(stood_still)
        # Only the attempt with the least time left records the warning, instead of all of them.
        timed = [attempt for attempt in self._attempts.values() if attempt.wrapper.wake_at is not None]
        if timed:
            nearest = min(timed, key=lambda attempt: attempt.wrapper.wake_at or 0)
            nearest.warn(now, late_wake_text(stood_still))
        self._tell_late_wake(stood_still)

    def _on_timer(self) -> None:
        self._timer = None
        now = self.now()
        self._late_wakes.expect(None)
        # Exits and output of this period are handled before any timer.
        self._pipes.poll()
        if not self._reaper.poll():
            self.wake(now)
            return
        for attempt in list(self._attempts.values()):
            attempt.on_time(now)
        earliest = min(self._wakes(), default=None)
        if earliest is not None:
            # A tick at the least, so that many attempts do not make as many timers.
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self.wake(max(earliest, now + TICK_NANOS))

    def _wakes(self) -> Iterator[int]:
        for attempt in self._attempts.values():
            at = attempt.wrapper.wake_at
            if at is not None:
                yield at


def late_wake_text(stood_still: int) -> str:
    """Returns the warning about a late wake-up; the time is in nanoseconds."""
    return (
        f"Gator itself did not run for {span(stood_still)}: timeouts and grace periods of running jobs are "
        "extended by this time; check for a suspended host, a paused container or high load"
    )


def _count_oom_kills() -> int:
    """How often the kernel has ended a process for want of memory, as far as it says so."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0


def _as_text(part: str) -> str:
    """What a record can hold of an argument into which bytes that are not UTF-8 were put."""
    return readable(part.encode("utf-8", "surrogateescape"))
