"""A small shell that briefly outlives its owner to kill its remaining processes.

It waits on a pipe whose other end only the owner holds: end of file means that the owner is gone, however it
died. It carries no marks, or it would kill itself, and no birthmark of a job that contains this process, or
it would count as an orphan of that job.
"""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gator.process.ownership.birthmark import BirthmarkLimit
from gator.process.ownership.guards import SWEEP_MODULE
from gator.process.ownership.select import register_helper

_SCRIPT = "cd /; trap '' HUP INT QUIT TERM; read -r _ && exit 0; exec \"$@\""
_ROOT = str(Path(__file__).resolve().parents[2])


class Guard:
    """Sweeps run `run`, or only `daemon` of it, when this process ends without `close`.

    The reaper reaps it, and it never counts as an orphan of a job.
    """

    __slots__ = ("_write_fd", "pid")

    def __init__(
        self, run: str, daemon: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Starts the guard. Raises OSError without a free process or descriptor."""
        read_fd, self._write_fd = os.pipe()
        try:
            self.pid = _start(read_fd, [run] if daemon is None else [run, daemon], environment)
        except BaseException:
            os.close(self._write_fd)
            raise
        finally:
            os.close(read_fd)
        register_helper(self.pid)

    def close(self) -> None:
        """Ends the guard without a sweep, and waits for its end. May be called twice."""
        if self._write_fd >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._write_fd, b"\n")
            os.close(self._write_fd)
            self._write_fd = -1
            # Python would report an end while the reaper removes its handler of SIGCHLD on stderr.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)


def _start(read_fd: int, names: list[str], environment: Mapping[str, str]) -> int:
    # The rest of the environment stays: an interpreter may need its LD_LIBRARY_PATH.
    env = {name: value for name, value in environment.items() if not name.startswith("GATOR_")}
    env["PYTHONPATH"] = _ROOT
    sweeping = [sys.executable, "-S", "-s", "-P", "-m", SWEEP_MODULE.decode(), *names]
    limit = BirthmarkLimit()
    limit.clear()
    try:
        return os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _SCRIPT, "guard", *sweeping],
            env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_fd, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
            setsigmask=(),
        )
    finally:
        limit.restore()
