"""Figures of the process that serves a database. Imports psutil, so only `gator hub check` imports this."""

import contextlib
import time
from pathlib import Path

import psutil

from gator.units import duration_text, plural, size_text


def describe_process(pid: int, lock_file: Path) -> str:
    """Returns user, age, memory and processor time of the process that has a lock file open, as text.

    Empty if this process may not see that, or if the id belongs to another process by now.
    """
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        # In another pid namespace the same number means another process.
        if not any(Path(file.path) == lock_file for file in process.open_files()):
            return ""
        with process.oneshot():
            seconds = max(time.time() - process.create_time(), 0.0)
            used = process.cpu_times()
            parts = (
                f"user {process.username()}",
                f"up {_rounded(seconds)}",
                f"{size_text(process.memory_info().rss)} of memory",
                f"{_rounded(used.user + used.system)} of processor time",
                plural(process.num_threads(), "thread"),
                f"{process.num_fds():,} descriptors",
            )
        return ", ".join(parts)
    return ""


def _rounded(seconds: float) -> str:
    """Returns a duration to the second, beyond an hour to the minute, beyond a day to the hour."""
    step = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return duration_text(int(seconds // step * step) * 1000)
