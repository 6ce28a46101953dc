"""Killing everything that carries the marks of a run, or of one daemon of it.

Runs as `python -m gator.process.sweep RUN [DAEMON]` when an owner is gone, so it imports little and
spares only itself.
"""

import contextlib
import signal
import sys
import time

from gator.process.belongings import Belonging, select
from gator.process.procfs import Census, ProcessInfo, kill_group_of, signal_exactly

_LONGEST_PAUSE_S = 0.1


def sweep(run: str, daemon: str | None = None, limit_s: float = 5.0) -> list[ProcessInfo]:
    """Kill what belongs to a run or daemon, pass after pass until one finds nothing.

    Blocks; gives what still lives after `limit_s` seconds, that is nothing in most cases.
    """
    marks = {"GATOR_RUN": run}
    if daemon is not None:
        marks["GATOR_DAEMON"] = daemon
    whose = Belonging(0, marks)
    census = Census()
    end = time.monotonic() + limit_s
    pause = 0.002
    while found := select(census.take(), whose):
        if time.monotonic() >= end:
            return found
        for process in found:
            # What runs as another user by setuid stays, and is given back in the end.
            with contextlib.suppress(PermissionError):
                if process.group == process.pid:
                    kill_group_of(process)
                signal_exactly(process, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    return []


if __name__ == "__main__":
    sys.exit(1 if sweep(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None) else 0)
