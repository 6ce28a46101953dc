"""The process that holds the lock of a run, as its lock file records it."""

import json
import os
from pathlib import Path

from msgspec import Struct

from gator.process.procfs import read_process


class LockHolder(Struct, frozen=True):
    """The root that holds or held the lock of a run, as recorded by itself."""

    run: str
    host: str
    boot: str
    pid: int
    start_ticks: int
    pid_namespace: int
    """Inode of the pid namespace of `pid`."""
    file: int = 0
    """Inode of the lock file when it was written; a copy has a different one."""

    @classmethod
    def this_process(cls, run: str) -> "LockHolder":
        """Returns the calling process as holder of the lock of a run."""
        # Field 22 of /proc/PID/stat, see proc_pid_stat(5); the name before it may contain spaces.
        stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return cls(
            run=run,
            host=os.uname().nodename,
            boot=_boot_id(),
            pid=os.getpid(),
            start_ticks=int(stat[19]),
            pid_namespace=_pid_namespace(),
        )

    @property
    def on_this_host(self) -> bool:
        """Whether it runs or ran on this host."""
        return self.host == os.uname().nodename

    @property
    def since_this_boot(self) -> bool:
        """Whether this host has not been rebooted since."""
        return self.boot == _boot_id()

    @property
    def in_this_namespace(self) -> bool:
        """Whether its pid is in the namespace of this process."""
        return self.pid_namespace == _pid_namespace()

    @property
    def is_alive(self) -> bool:
        """Whether this process is alive; only valid in its pid namespace."""
        info = read_process(self.pid)
        return info is not None and info.start_ticks == self.start_ticks and not info.is_dead


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def lock_holder_of(data: bytes) -> LockHolder | None:
    """Returns the holder recorded in a lock file; None if no root wrote it."""
    try:
        holder = LockHolder(**json.loads(data))
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = (holder.pid, holder.start_ticks, holder.pid_namespace, holder.file)
    texts = (holder.run, holder.host, holder.boot)
    if all(type(text) is str for text in texts) and all(type(n) is int and 0 <= n < 1 << 64 for n in numbers):
        return holder
    return None
