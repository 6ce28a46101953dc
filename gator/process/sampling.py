"""Samples the resources that jobs use: one walk over the processes of all jobs of a daemon per tick.

Blocks for about 50 µs per process, so it runs in a thread. It descends from each leader and from orphans
that the daemon adopted, not over all of /proc, so that other processes cost nothing.
"""

import os
import resource
from collections.abc import Callable, Container, Iterable, Mapping

from msgspec import Struct

from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import NO_PROCESSES
from gator.process.procfs import (
    TICKS_PER_SECOND,
    ProcessInfo,
    list_children,
    list_pids,
    read_birthmark,
    read_bytes,
    read_marks,
    read_process,
)

_STATUS_BYTES = 8192


class Usage(Struct, frozen=True):
    """The resource usage of one job up to a moment.

    `members` are the processes that live now, `memory_bytes` is their resident memory. The rest only grows:
    `cpu_seconds` of user and kernel, `peak_memory_bytes`, and bytes of storage, None if the kernel does not
    report them.
    """

    members: tuple[ProcessInfo, ...]
    cpu_seconds: float
    memory_bytes: int
    peak_memory_bytes: int
    read_bytes: int | None
    written_bytes: int | None


_NOTHING = Usage((), 0.0, 0, 0, None, None)

Children = Callable[[int], Iterable[int]]


class Sampler:
    """Samples the jobs of one daemon; used by one thread at a time."""

    __slots__ = ("_daemon", "_last_usage", "_signs")

    def __init__(self, daemon: int | None = None) -> None:
        self._daemon = os.getpid() if daemon is None else daemon
        self._last_usage: dict[int, Usage] = {}
        self._signs: dict[tuple[int, int], tuple[Mapping[str, str], int]] = {}

    def sample(self, jobs: Iterable[Ownership], others: Container[int] = NO_PROCESSES) -> dict[int, Usage]:
        """Returns the usage of each job so far, by the pid of its leader.

        `others` are children of the daemon that are not orphans, such as the leaders of jobs that are not
        due; omitting them only costs time. Jobs without living processes are omitted.
        """
        jobs = list(jobs)
        children = _children_function(self._daemon)
        roots = {job.leader: {job.leader} for job in jobs}
        leaders = roots.keys()
        for pid in children(self._daemon):
            if pid not in leaders and pid not in others:
                owner = self._find_owner(pid, jobs)
                if owner is not None:
                    roots[owner].add(pid)
        taken: dict[int, Usage] = {}
        for leader, tops in roots.items():
            usage = _add_up(_walk(tops, children), self._last_usage.get(leader, _NOTHING))
            if usage.members:
                self._last_usage[leader] = taken[leader] = usage
        return taken

    def forget(self, leader: int) -> None:
        """Forgets a job that ended; its pid may be reused."""
        self._last_usage.pop(leader, None)

    def _find_owner(self, pid: int, jobs: list[Ownership]) -> int | None:
        """Assigns an adopted orphan to a job: by its session, else by its marks or birthmark, read once."""
        process = read_process(pid)
        if process is None or process.is_dead:
            return None
        for job in jobs:
            if process.session == job.leader or process.session in job.sessions or job.remembers(process):
                return job.leader
        key = (pid, process.start_ticks)
        signs = self._signs.get(key)
        if signs is None:
            marks = read_marks(pid)
            if marks is None:
                return None
            if len(self._signs) > 1024:
                self._signs.clear()
            signs = self._signs[key] = marks, 0 if marks else read_birthmark(pid)
        return next((job.leader for job in jobs if job.is_marked(*signs)), None)


def _children_function(daemon: int) -> Children:
    """Returns a function that lists the children of a process, from a pass over /proc where necessary."""
    if list_children(daemon) is not None:
        return lambda pid: list_children(pid) or ()
    by_parent: dict[int, list[int]] = {}
    for pid in list_pids():
        process = read_process(pid)
        if process is not None:
            by_parent.setdefault(process.parent, []).append(pid)
    return lambda pid: by_parent.get(pid, ())


def _walk(tops: Iterable[int], children: Children) -> list[ProcessInfo]:
    processes: dict[int, ProcessInfo] = {}
    waiting = list(tops)
    while waiting:
        pid = waiting.pop()
        process = None if pid in processes else read_process(pid)
        if process is not None and not process.is_dead:
            processes[pid] = process
            waiting += children(pid)
    return list(processes.values())


def _add_up(processes: list[ProcessInfo], before: Usage) -> Usage:
    memory = peak = ticks = 0
    read = written = 0
    is_known = False
    for process in processes:
        resident, highest = _read_memory(process.pid)
        memory += resident
        peak = max(peak, highest)
        ticks += process.cpu_ticks
        storage = _read_storage(process.pid)
        if storage is not None:
            is_known = True
            read += storage[0]
            written += storage[1]
    return Usage(
        tuple(processes),
        # The time of a process that its parent never reaped is lost; the sum must not decrease.
        max(ticks / TICKS_PER_SECOND, before.cpu_seconds),
        memory,
        max(memory, peak, before.peak_memory_bytes),
        max(read, before.read_bytes or 0) if is_known else before.read_bytes,
        max(written, before.written_bytes or 0) if is_known else before.written_bytes,
    )


def _read_memory(pid: int) -> tuple[int, int]:
    """Returns the resident bytes now and their peak, VmRSS and VmHWM of proc(5)."""
    status = read_bytes(f"/proc/{pid}/status", _STATUS_BYTES) or b""
    return _field(status, b"\nVmRSS:") * 1024, _field(status, b"\nVmHWM:") * 1024


def _read_storage(pid: int) -> tuple[int, int] | None:
    """Returns the bytes read from and written to storage; None if this process may not read them."""
    data = read_bytes(f"/proc/{pid}/io", _STATUS_BYTES)
    if not data:
        return None
    return _field(data, b"\nread_bytes:"), _field(data, b"\nwrite_bytes:")


def _field(data: bytes, name: bytes) -> int:
    start = data.find(name)
    if start < 0:
        return 0
    start += len(name)
    return int(data[start : start + 32].split(None, 1)[0])


def judge_peak(sampled: int | None, usage: resource.struct_rusage) -> int | None:
    """Returns the greatest resident memory of a job in bytes; None if it is unknown.

    A child starts with the peak of its parent in ru_maxrss, because execve keeps it. So the value of wait4,
    which is in KiB, counts only if it exceeds that of this process.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    waited = usage.ru_maxrss * 1024 if usage.ru_maxrss > own else None
    known = [value for value in (sampled, waited) if value]
    return max(known) if known else None
