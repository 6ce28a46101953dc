"""Reads /proc: living processes, their parents and their marks.

Invariant: a process is identified by its pid and start time, never by the pid alone. Imports little, because
the sweep of a guard must start at once.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from typing import NamedTuple

MARKS = ("GATOR_RUN", "GATOR_DAEMON", "GATOR_PATH", "GATOR_ATTEMPT")
"""Variables that name the run, daemon, node and attempt of a process."""

BIRTHMARK_BIT = 1 << 62
"""Bits set in every birthmark, to distinguish it from a limit chosen by a user."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_MARK_PREFIXES = tuple(f"{name}=".encode() for name in MARKS)
_NO_MARKS: Mapping[str, str] = {}
_LIMITS_BYTES = 4096
_LOCKS_ROW = b"\nMax file locks"
_STAT_BYTES = 4096
_ROUNDS_A_PASS = 4
_ENVIRON_BYTES = 4 * 1024 * 1024


def ticks_now() -> int:
    """Returns the time since the boot, in the units of `start_ticks`."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * TICKS_PER_SECOND // 1_000_000_000


class ProcessInfo(NamedTuple):
    """One process at a moment.

    `start_ticks` counts from the boot; `cpu_ticks` is the processor time of the process and of those of
    its children that it has waited for, in units of 1 / TICKS_PER_SECOND seconds; `name` has at most
    15 bytes. `session` is 0 for threads of the kernel and for processes from outside a container.
    """

    pid: int
    start_ticks: int
    parent: int
    group: int
    session: int
    state: str
    name: str
    cpu_ticks: int

    @property
    def is_dead(self) -> bool:
        """Whether it has ended and waits to be reaped."""
        return self.state in "ZXx"

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def read_bytes(path: str, maximum: int) -> bytes | None:
    """Returns the start of a file of /proc; None if the process has ended or its file may not be read.

    Raises OSError without free descriptors or memory, which does not mean that the process has ended.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        return os.read(fd, maximum)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(fd)


def read_process(pid: int) -> ProcessInfo | None:
    """Returns a process from /proc/PID/stat, see proc(5); None if there is none."""
    data = read_bytes(f"/proc/{pid}/stat", _STAT_BYTES)
    if not data:
        return None
    opening, closing = data.index(b"("), data.rindex(b")")
    part = data[closing + 2 :].split()
    return ProcessInfo(
        pid,
        int(part[19]),
        int(part[1]),
        int(part[2]),
        int(part[3]),
        part[0].decode(),
        data[opening + 1 : closing].decode("utf-8", "replace"),
        int(part[11]) + int(part[12]) + int(part[13]) + int(part[14]),
    )


def list_pids() -> list[int]:
    """Returns all pids, newest first: processes that fork fast are found before they end."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names only, and hot
    pids.sort(reverse=True)
    return pids


def read_marks(pid: int) -> Mapping[str, str] | None:
    """Returns the marks in the environment with which a process was started.

    None if it has ended, belongs to another user, or is executing another program at this moment.
    """
    data = read_bytes(f"/proc/{pid}/environ", _ENVIRON_BYTES)
    if not data:
        return None
    if b"GATOR_" not in data:
        return _NO_MARKS
    marks: dict[str, str] = {}
    for item in data.split(b"\0"):
        if item.startswith(_MARK_PREFIXES):
            name, _, value = item.partition(b"=")
            # The first one counts, as in getenv(3).
            marks.setdefault(name.decode(), os.fsdecode(value))
    return marks


def read_birthmark(pid: int) -> int:
    """Returns the birthmark of a process, see birthmark.py; 0 if it has none or has ended."""
    data = read_bytes(f"/proc/{pid}/limits", _LIMITS_BYTES) or b""
    start = data.find(_LOCKS_ROW)
    if start < 0:
        return 0
    start += len(_LOCKS_ROW)
    soft = data[start : start + 32].split(None, 1)[0]
    number = int(soft) if soft.isdigit() else 0
    return number if BIRTHMARK_BIT <= number < 2 * BIRTHMARK_BIT else 0


class Census:
    """Makes passes over all processes, and remembers the marks of known ones."""

    __slots__ = ("_signs",)

    def __init__(self) -> None:
        self._signs: dict[tuple[int, int], _Signs] = {}

    def take(self) -> "Snapshot":
        """Returns all processes. Takes about 20 µs for each, so it should be called in a thread.

        Repeats for processes that were started meanwhile: a chain of processes that fork and exit is found
        early or not at all.
        """
        snapshot = Snapshot({}, {}, {})
        kept: dict[tuple[int, int], _Signs] = {}
        seen: set[int] = set()
        for _ in range(_ROUNDS_A_PASS):
            pids = [pid for pid in list_pids() if pid not in seen]
            if not pids:
                break
            seen.update(pids)
            for pid in pids:
                self._look_at(pid, snapshot, kept)
        self._signs = kept
        return snapshot

    def _look_at(self, pid: int, snapshot: "Snapshot", kept: dict[tuple[int, int], "_Signs"]) -> None:
        info = read_process(pid)
        if info is None:
            return
        snapshot.processes[pid] = info
        if info.session == 0:
            return
        key = (pid, info.start_ticks)
        signs = self._signs.get(key)
        if signs is None:
            marks = read_marks(pid)
            signs = _Signs(marks, 0 if marks else read_birthmark(pid))
        if signs.marks is not None:
            kept[key] = signs
            snapshot.marks[pid] = signs.marks
        if signs.birthmark:
            snapshot.birthmarks[pid] = signs.birthmark


class _Signs(NamedTuple):
    """The marks and the birthmark of a process; marks are None if they cannot be read."""

    marks: Mapping[str, str] | None
    birthmark: int


class Snapshot(NamedTuple):
    """All processes by pid, their marks where readable, and birthmarks of those without marks."""

    processes: dict[int, ProcessInfo]
    marks: dict[int, Mapping[str, str]]
    birthmarks: dict[int, int]


def signal_exactly(process: ProcessInfo, number: int) -> bool:
    """Sends a signal to exactly this process. Returns False if it has ended, even if its pid was reused.

    Raises PermissionError if it runs as another user.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        # The pidfd always names the same process; check that it is the right one.
        now = read_process(process.pid)
        if now is None or now.start_ticks != process.start_ticks:
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def kill_group_of(process: ProcessInfo) -> None:
    """Kills all processes in the group of a process at once, including forks in progress.

    Only for the group of a job, and right after the pass that found it: the number of a group is not reused
    while the group has members, nor soon after, because numbers are used in turn.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.group, signal.SIGKILL)


def list_children(pid: int) -> list[int] | None:
    """Returns the living and unreaped children of a process; empty if the process has ended.

    Returns None if the kernel does not list children.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names only, and hot
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    children: list[int] = []
    for thread in threads:
        of_thread = list_children_of_thread(pid, int(thread))
        if of_thread is None:
            return None
        children += of_thread
    return children


def list_children_of_thread(pid: int, thread: int) -> list[int] | None:
    """Returns the children that one thread started or adopted; orphans come to the main thread."""
    try:
        fd = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # Either the thread has ended, or the kernel was built without CONFIG_PROC_CHILDREN.
        return [] if not os.path.exists(f"/proc/{pid}/task/{thread}") else None  # noqa: PTH110
    try:
        data = b""
        while piece := os.read(fd, 65536):
            data += piece
    except ProcessLookupError:
        return []
    finally:
        os.close(fd)
    return [int(word) for word in data.split()]
