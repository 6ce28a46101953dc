"""Ends all processes of a job without blocking the event loop.

Passes over /proc run in one thread and are shared: stopping a thousand jobs together costs one pass.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import NO_PROCESSES, may_have_leftovers, select
from gator.process.ownership.strays import Strays
from gator.process.procfs import (
    Census,
    ProcessInfo,
    Snapshot,
    kill_group_of,
    read_process,
    signal_exactly,
)

UNKILLABLE_AFTER_S = 5.0
_EMPTY_PASSES = 4
_FIRST_PAUSE_S = 0.002
_MAX_PAUSE_S = 0.2
# A stopped process handles these only after SIGCONT.
_WAKING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})


class Ended(NamedTuple):
    """The living processes that were met, and those that could not be killed."""

    processes: tuple[ProcessInfo, ...]
    unkillable: tuple[ProcessInfo, ...]


class Terminator:
    """Finds and signals the processes of jobs of this process.

    `expected` are the children that this process accounts for, a live view: leaders, guards, daemons.
    `strays` knows the attempts that run here and decides on orphans without marks.
    """

    def __init__(self, expected: Container[int] = NO_PROCESSES, *, own_pid: int | None = None) -> None:
        self._expected = expected
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._census = Census()
        self.strays = Strays(self._own_pid)
        self._executor = ThreadPoolExecutor(1, "census")
        self._running: asyncio.Future[Snapshot] | None = None
        self._next: asyncio.Future[Snapshot] | None = None

    async def find(self, ownership: Ownership) -> list[ProcessInfo]:
        """Returns the living processes of a job, from a pass that starts after this call.

        Once the leader is reaped, an empty pass is repeated while there is a child of unknown origin:
        processes that fork and exit continually may escape a single pass.
        """
        for _ in range(_EMPTY_PASSES):
            processes = select(
                await self._take(),
                ownership,
                self._expected,
                adopted_by=self._own_pid,
                is_stray=self.strays.is_assigned_to,
            )
            if processes or not ownership.leader_reaped or not self.may_live(ownership):
                return processes
        return []

    def may_live(self, ownership: Ownership) -> bool:
        """Returns whether a job whose leader was reaped may have processes; takes microseconds."""
        return may_have_leftovers(ownership, self._expected, self.strays.is_assigned_to)

    async def end_adopted(self, grace_s: float) -> "Ended":
        """Ends every orphan that this process adopted, because no other process would do it later."""
        all_orphans = Ownership(0, {}, True, claims_all=True)
        if not self.may_live(all_orphans):
            return Ended((), ())
        return await self.end(all_orphans, grace_s)

    async def signal_job(self, ownership: Ownership, number: int) -> list[ProcessInfo]:
        """Sends a signal to all processes of a job. Returns those that were found.

        The group of an unreaped leader gets it at once, other processes after a pass over /proc.
        """
        signalled = 0
        if ownership.leader and not ownership.leader_reaped:
            signalled = ownership.leader
            _signal_group(ownership.leader, number)
        processes = await self.find(ownership)
        if number == signal.SIGKILL and ownership.group is not None:
            ownership.group.kill()
        for process in processes:
            if process.group != signalled or number == signal.SIGKILL:
                _signal_process(process, number, ownership)
        return processes

    async def end(
        self, ownership: Ownership, grace_s: float, *, limit_s: float = UNKILLABLE_AFTER_S
    ) -> Ended:
        """Ends the remaining processes: TERM, after `grace_s` KILL, and again until a pass finds nothing.

        Gives up `limit_s` after the first KILL. A grace of 0 kills at once.
        """
        now = asyncio.get_running_loop().time
        kill_at = now() + grace_s
        met: dict[tuple[int, int], ProcessInfo] = {}
        warned: set[tuple[int, int]] = set()
        pause = _FIRST_PAUSE_S
        while processes := await self.find(ownership):
            met |= {(process.pid, process.start_ticks): process for process in processes}
            if now() >= kill_at + limit_s:
                return Ended(tuple(met.values()), tuple(processes))
            killing = now() >= kill_at
            if killing and ownership.group is not None:
                ownership.group.kill()
            for process in processes:
                key = process.pid, process.start_ticks
                if killing:
                    _signal_process(process, signal.SIGKILL, ownership)
                elif key not in warned:
                    warned.add(key)
                    _signal_process(process, signal.SIGTERM, ownership)
            until = now() + pause if killing else kill_at
            await _wait_for_all(processes, until, now)
            pause = min(2 * pause, _MAX_PAUSE_S)
        return Ended(tuple(met.values()), ())

    def close(self) -> None:
        """Stops the thread; a pass in progress is finished without waiting for it."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> "asyncio.Future[Snapshot]":
        """Returns the result of a pass that begins later: one in progress may have missed a process."""
        if self._running is None:
            self._running = self._begin()
            return asyncio.shield(self._running)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._next)

    def _begin(self) -> "asyncio.Future[Snapshot]":
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._take_when_possible)
        future.add_done_callback(self._on_taken)
        return future

    def _take_when_possible(self) -> Snapshot:
        """Makes a pass in the thread; waits for free descriptors if there are none."""
        end = time.monotonic() + UNKILLABLE_AFTER_S
        while True:
            try:
                return self._census.take()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(_MAX_PAUSE_S)

    def _on_taken(self, _taken: "asyncio.Future[Snapshot]") -> None:
        waiting, self._next, self._running = self._next, None, None
        if waiting is None:
            return
        self._running = self._begin()

        def pass_on(done: "asyncio.Future[Snapshot]") -> None:
            if waiting.done():
                return
            if done.cancelled():
                waiting.cancel()
            elif (error := done.exception()) is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(done.result())

        self._running.add_done_callback(pass_on)


def _signal_process(process: ProcessInfo, number: int, ownership: Ownership) -> None:
    """Signals a process; with KILL its whole group, so that processes that it forks now die too."""
    # A setuid process of another user cannot be signalled, nor can any without a free descriptor. The next
    # pass finds it again, and in the end it is reported as unkillable.
    with contextlib.suppress(OSError):
        ours = process.session == ownership.leader != 0 or process.group == process.pid
        if number == signal.SIGKILL and ours:
            kill_group_of(process)
        signal_exactly(process, number)
        if number in _WAKING:
            signal_exactly(process, signal.SIGCONT)


def _signal_group(leader: int, number: int) -> None:
    """Signals the group of an unreaped leader, whose number is not reused until it is reaped."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
        if number in _WAKING:
            os.killpg(leader, signal.SIGCONT)


async def _wait_for_all(processes: list[ProcessInfo], until: float, now: Callable[[], float]) -> None:
    """Waits until all of these are dead, at most until a time of the clock of the loop."""
    pause = _FIRST_PAUSE_S
    left = processes
    while left and (rest := until - now()) > 0:
        await asyncio.sleep(min(pause, rest))
        left = [process for process in left if _lives(process)]
        pause = min(2 * pause, _MAX_PAUSE_S)


def _lives(process: ProcessInfo) -> bool:
    try:
        now = read_process(process.pid)
    except OSError:
        return True  # out of descriptors
    return now is not None and now.start_ticks == process.start_ticks and not now.is_dead
