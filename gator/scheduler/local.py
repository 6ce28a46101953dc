"""Daemons as child processes on this host.

The rule: spawned, never forked, for the process has threads of gRPC by then.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from gator.errors import GatorError
from gator.runtime.text_encoding import UTF8_MODE
from gator.scheduler.request import DaemonOrder


class Reaps(Protocol):
    """Whoever waits for the children of this process."""

    def watch(self, pid: int, callback: Callable[[int, resource.struct_rusage], None]) -> None:
        """Calls back once the child is reaped."""
        ...


class DaemonProcess(Struct):
    """A daemon that was started.

    Its stdin stays open: end of file there tells it that its parent is gone.
    """

    daemon: str
    pid: int
    stdin: int
    log: Path

    def close_stdin(self) -> None:
        """Tells it that nobody needs it any more."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def kill(self) -> None:
        """Ends it at once; only before its exit was reported."""
        os.kill(self.pid, signal.SIGKILL)

    def last_words(self, size: int = 2000) -> str:
        """Returns the end of what it wrote to its log, for people."""
        try:
            return self.log.read_bytes()[-size:].decode(errors="backslashreplace").strip()
        except OSError:
            return ""


class LocalScheduler:
    """Starts daemons with the Python that runs this, in the launch's environment."""

    def __init__(self, reaper: Reaps, environment: Mapping[str, str]) -> None:
        self._reaper = reaper
        self._environment = dict(environment)

    def start(
        self, order: DaemonOrder, log: Path, on_exit: Callable[[DaemonProcess, int], None]
    ) -> DaemonProcess:
        """Starts a daemon; `on_exit` hears its exit code, negative for a signal.

        Raises GatorError when no process can be made.
        """
        read, write = os.pipe()
        try:
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                pid = os.posix_spawn(
                    sys.executable,
                    [sys.executable, *UTF8_MODE, "-P", "-m", "gator.daemon"],
                    self._environment,
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, read, 0),
                        (os.POSIX_SPAWN_DUP2, out, 1),
                        (os.POSIX_SPAWN_DUP2, out, 2),
                    ],
                    # A Ctrl-C of the terminal is for the root alone, which tells its daemons what to do.
                    setsid=True,
                    setsigmask=(),
                    setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM),
                )
            finally:
                os.close(out)
            os.write(write, order.encode())
        except OSError as error:
            os.close(write)
            raise GatorError(f"failed to start a daemon: {error.strerror}") from error
        finally:
            os.close(read)
        process = DaemonProcess(order.daemon, pid, write, log)

        def reaped(status: int, _: resource.struct_rusage) -> None:
            process.close_stdin()
            on_exit(process, os.waitstatus_to_exitcode(status))

        self._reaper.watch(pid, reaped)
        return process
