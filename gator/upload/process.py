"""Starts the process that feeds a hub, before there is a run and before there is an event loop.

The rule: it is started early and gets its order late, so that it loads beside the start of the run. One that
never gets an order ends when its stdin does. Imports no asyncio.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from gator.process.host import close_inherited
from gator.process.ownership.select import spare
from gator.runtime.text_encoding import UTF8_MODE

_MAX_WORDS = 65_536
"""Bytes."""


class UploadProcess:
    """A process that waits for its order, and the ends of its pipes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError."""
        # It may outlive the run by some seconds: what the run was born with is not for it to keep open.
        close_inherited()
        # Until it has its order the terminal is not for it to write to: the root has said the same.
        self.stderr = os.memfd_create("upload")
        try:
            self.pid, self.stdin, self.stdout = _spawn(environment, self.stderr)
        except OSError:
            os.close(self.stderr)
            raise
        # It is no job's, whatever else is a child of this process.
        spare(self.pid)
        # Whoever reaps it, this names no other process.
        self.pidfd = os.pidfd_open(self.pid)
        self.is_taken = False
        """Whether somebody has given it an order, and will set it free."""

    def kill(self) -> None:
        """End it now; it may be gone already."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def last_words(self) -> bytes:
        """The end of what it wrote to stderr before it had its order."""
        size = os.fstat(self.stderr).st_size
        return os.pread(self.stderr, _MAX_WORDS, max(0, size - _MAX_WORDS))

    def free(self) -> None:
        """Let the pipes go, and the process if it is dead."""
        for descriptor in (self.stdin, self.stdout, self.stderr, self.pidfd):
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def dismiss(self) -> None:
        """There is no run for it, if nobody has taken it. May be called twice."""
        if not self.is_taken:
            self.is_taken = True
            self.kill()
            os.waitpid(self.pid, 0)
            self.free()


def _spawn(environment: Mapping[str, str], stderr: int) -> tuple[int, int, int]:
    """Start the process; its pid, its stdin and its stdout. Raises OSError."""
    opened: list[int] = []
    try:
        stdin, order = os.pipe()
        opened += (stdin, order)
        status, stdout = os.pipe()
        opened += (status, stdout)
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, *UTF8_MODE, "-P", "-m", "gator.upload.__main__"],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, stdout, 1),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
            ],
            # A Ctrl-C of the terminal is for the root alone.
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM),
        )
    except OSError:
        for descriptor in opened:
            os.close(descriptor)
        raise
    os.close(stdin)
    os.close(stdout)
    return pid, order, status
