"""Kills all processes with the marks or birthmarks of a run, or of one daemon of it.

Runs as `python -m gator.process.sweep RUN [DAEMON]` when an owner is gone, so it imports little and
spares only itself. Invariant: processes of a whole run are not killed while a root with its id lives.
"""

import contextlib
import os
import signal
import sys
import time
from typing import Any

from gator.process.ownership.attempt_cgroups import find_groups
from gator.process.ownership.birthmark import birthmarks
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import select
from gator.process.procfs import (
    Census,
    ProcessInfo,
    kill_group_of,
    list_pids,
    read_bytes,
    read_process,
    signal_exactly,
)

LOCK_NAME = "run.lock"
"""File that a live root holds open, in the folder of its run."""
_MAX_PAUSE_S = 0.1
_MAX_LOCK_BYTES = 65_536


class LivingRootError(Exception):
    """A root with the id of the run is alive, so its processes must not be killed from outside."""


def sweep(run: str, daemon: str | None = None, limit_s: float = 5.0) -> list[ProcessInfo]:
    """Kills the processes of a run or daemon, pass after pass until one finds none.

    Blocks. Returns the processes that still live after `limit_s` seconds, usually none. Raises
    LivingRootError for a whole run whose root lives.
    """
    marks = {"GATOR_RUN": run}
    if daemon is not None:
        marks["GATOR_DAEMON"] = daemon
    elif living_root(run) is not None:
        raise LivingRootError(run)
    groups = find_groups(run, daemon)
    for group in groups:
        group.kill()
    ownership = Ownership(0, marks, birthmarks=birthmarks(run, daemon))
    census = Census()
    end = time.monotonic() + limit_s
    pause = 0.002
    while processes := select(census.take(), ownership):
        if time.monotonic() >= end:
            return processes
        for process in processes:
            # A setuid process of another user survives and is returned.
            with contextlib.suppress(PermissionError):
                if process.group == process.pid:
                    kill_group_of(process)
                signal_exactly(process, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_S)
    for group in groups:
        group.remove()
    return []


def living_root(run: str) -> ProcessInfo | None:
    """Returns the living root process of a run, found by its open files; None if there is none.

    The contents of the folder are not used, because it may be a copy. Processes of other users are not
    visible.
    """
    for pid in list_pids():
        if pid != os.getpid() and _holds_lock_of(pid, run):
            return read_process(pid)
    return None


def _holds_lock_of(pid: int, run: str) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder)  # noqa: PTH208 - names only
    except OSError:
        return False
    for number in numbers:
        path = f"{folder}/{number}"
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if not os.readlink(path).removesuffix(" (deleted)").endswith(f"/{LOCK_NAME}"):  # noqa: PTH115
                continue
            # Imported late: the sweep of a guard must start at once.
            import json

            owner: Any = json.loads(read_bytes(path, _MAX_LOCK_BYTES) or b"null")
            info = read_process(pid)
            # Other processes open the file too, to check its owner. Start times distinguish them in every
            # namespace, where pids may differ.
            if info is not None and [owner["run"], owner["start_ticks"]] == [run, info.start_ticks]:
                return True
    return False


if __name__ == "__main__":
    try:
        left = sweep(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    except LivingRootError:
        sys.exit(1)
    sys.exit(1 if left else 0)
