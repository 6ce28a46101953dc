"""Control groups of attempts, if this process may create them: cgroup.kill kills a whole group atomically.

Requires cgroup v2, a writable cgroup of its own (a delegated one, in systemd's terms), and Linux 5.14. No
controller is enabled, so the rule against processes in inner groups does not apply.

A group with a limit on its memory needs the memory controller, which a group with processes cannot give to
the groups below it. It is made beside the own group if the parent is delegated too and gives the controller,
as the slices of systemd's user manager do. At the limit the kernel ends all processes of the group.
Invariant: only processes in this process's own group are moved.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gator.process.cgroups import SYSTEM_ROOT, V2, own_groups
from gator.process.procfs import ProcessInfo, read_bytes, read_process

_NAME = "gator-{run}-{daemon}-"
_INLINE = "root"
_MAX_BYTES = 1 << 20


class Group:
    """The control group of one attempt; made by `Groups`."""

    __slots__ = ("folder", "memory_max")

    def __init__(self, folder: str, memory_max: int = 0) -> None:
        self.folder = folder
        self.memory_max = memory_max
        """Maximum number of bytes of memory, at which the kernel ends all processes; 0 for no limit."""

    def memory_at_kill(self) -> int | None:
        """Returns the peak of memory in bytes if the kernel ended a process at the limit; else None."""
        events = (read_bytes(f"{self.folder}/memory.events", _MAX_BYTES) or b"").split()
        kills = dict(zip(events[::2], events[1::2], strict=False)).get(b"oom_kill", b"0")
        if not self.memory_max or kills == b"0":
            return None
        # Linux has it since 5.19.
        peak = (read_bytes(f"{self.folder}/memory.peak", _MAX_BYTES) or b"").strip()
        return int(peak) if peak.isdigit() else self.memory_max

    def pids(self) -> set[int]:
        """Returns the pids of the processes in it."""
        data = read_bytes(f"{self.folder}/cgroup.procs", _MAX_BYTES) or b""
        return {int(word) for word in data.split()}

    def is_populated(self) -> bool:
        """Returns whether it or a group below contains a living process."""
        return b"populated 1" in (read_bytes(f"{self.folder}/cgroup.events", _MAX_BYTES) or b"")

    def kill(self) -> None:
        """Kills all processes in it and below, including those being forked."""
        with contextlib.suppress(OSError):
            _write(f"{self.folder}/cgroup.kill", "1")

    def remove(self) -> None:
        """Removes it and the groups below that have no living process."""
        for folder, _, _ in os.walk(self.folder, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 - a str, as everywhere here


class Groups:
    """Creates groups for the attempts of one daemon; used by one thread at a time."""

    __slots__ = ("_limited", "_own", "_own_path", "_prefix", "_serial")

    def __init__(self, run: str, daemon: str, root: Path = SYSTEM_ROOT) -> None:
        """Creates no group yet; `root` is the root of the file system, for tests."""
        own = list(own_groups(V2, root))
        self._own: Path | None = own[0] if own else None
        self._limited: Path | None = next((each for each in own[:2] if _gives_memory(each)), None)
        """Where groups with a limit on their memory are made; None if nowhere."""
        self._own_path = _path_of(os.getpid(), root)
        self._prefix = _NAME.format(run=run, daemon=daemon or _INLINE)
        self._serial = 0

    def place(self, group: Group | None, members: Iterable[ProcessInfo], memory_max: int = 0) -> Group | None:
        """Moves the known processes of an attempt into its group. Returns the group, None if there is none.

        A new group has a limit of `memory_max` bytes if that is not 0 and the kernel allows it here.
        Blocks for about 10 ms in the kernel, so call it in a thread. Later children start in the group.
        """
        if self._own is None:
            return group
        inside = group.pids() if group is not None else set[int]()
        outside = [info for info in members if info.pid not in inside and self._is_beside(info.pid)]
        if not outside:
            return group
        try:
            made = group or (memory_max and self._make_limited(memory_max)) or self._make(self._own)
            for info in outside:
                self._move(info, made)
        except OSError:
            # Not delegated, read-only, or forbidden by a controller: this holds for all attempts.
            self._own = None
            return group
        return made

    def _is_beside(self, pid: int) -> bool:
        return _path_of(pid) == self._own_path

    def _make_limited(self, memory_max: int) -> Group | None:
        """Makes a group with a limit; returns None if that is not possible here."""
        if self._limited is None:
            return None
        group: Group | None = None
        try:
            group = self._make(self._limited)
            _write(f"{group.folder}/memory.oom.group", "1")
            _write(f"{group.folder}/memory.max", str(memory_max))
        except OSError:
            if group is not None:
                group.remove()
            self._limited = None
            return None
        with contextlib.suppress(OSError):
            # Else what exceeds the limit is swapped out; not every kernel has swap.
            _write(f"{group.folder}/memory.swap.max", "0")
        group.memory_max = memory_max
        return group

    def _make(self, own: Path) -> Group:
        self._serial += 1
        group = Group(f"{own}/{self._prefix}{self._serial}")
        os.mkdir(group.folder)  # noqa: PTH102 - a str, as everywhere here
        if not os.path.exists(f"{group.folder}/cgroup.kill"):  # noqa: PTH110
            group.remove()
            raise OSError("the kernel has no cgroup.kill")
        return group

    def _move(self, info: ProcessInfo, group: Group) -> None:
        try:
            _write(f"{group.folder}/cgroup.procs", str(info.pid))
        except ProcessLookupError:
            return
        except OSError:
            group.remove()
            raise
        now = read_process(info.pid)
        if now is not None and now.start_ticks != info.start_ticks:
            # It ended and its pid was reused during the move.
            _write(f"{self._own}/cgroup.procs", str(info.pid))


def _gives_memory(folder: Path) -> bool:
    """Returns whether groups below this one have the memory controller, and this process may make some."""
    given = read_bytes(f"{folder}/cgroup.subtree_control", _MAX_BYTES) or b""
    return (
        b"memory" in given.split()
        and os.access(folder, os.W_OK)
        and os.access(folder / "cgroup.procs", os.W_OK)
    )


def find_groups(run: str, daemon: str | None = None, root: Path = SYSTEM_ROOT) -> list[Group]:
    """Returns the groups that a run, or one daemon of it, has made anywhere on this host."""
    prefix = f"gator-{run}-" if daemon is None else _NAME.format(run=run, daemon=daemon or _INLINE)
    tops = list(own_groups(V2, root))
    return [Group(folder) for folder in _walk(str(tops[-1]), prefix)] if tops else []


def _walk(top: str, prefix: str) -> Iterator[str]:
    for folder, names, _ in os.walk(top):
        groups = [name for name in names if name.startswith(prefix)]
        yield from (f"{folder}/{name}" for name in groups)
        names[:] = [name for name in names if name not in groups]


def _path_of(pid: int, root: Path = SYSTEM_ROOT) -> bytes | None:
    """Returns the path of a process's version 2 group; None if the process is gone or has none."""
    data = read_bytes(f"{root}/proc/{pid}/cgroup", _MAX_BYTES) or b""
    return next((line for line in data.splitlines() if line.startswith(b"0::")), None)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
