"""Starts the upload process, before there is a run or an event loop.

It is started early and receives its parameters later, so that it loads its modules while the run starts. It
ends at the end of its stdin if it receives none. Imports no asyncio.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from gator.process.host import close_inherited
from gator.process.ownership.select import register_helper, unregister_helper
from gator.runtime.text_encoding import UTF8_MODE

_MAX_ERROR_BYTES = 65_536
"""Maximum number of bytes of early errors that are kept."""


class UploadProcess:
    """A process that waits for its parameters, and its pipes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Starts the process. Raises OSError."""
        # It may outlive the run by a few seconds, and must not keep inherited descriptors open.
        close_inherited()
        # Before it has its parameters it must not write to the terminal; the root reports the same errors.
        self.stderr = os.memfd_create("upload")
        try:
            self.pid, self.parameters_write_fd, self.status_read_fd = _spawn(environment, self.stderr)
        except OSError:
            os.close(self.stderr)
            raise
        # It belongs to no job, although it is a child of this process.
        register_helper(self.pid)
        # A pidfd stays valid even if the pid is reused.
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            unregister_helper(self.pid)
            for descriptor in (self.parameters_write_fd, self.status_read_fd, self.stderr):
                os.close(descriptor)
            raise
        self._is_taken = False

    def take(self) -> None:
        """Makes the caller responsible for closing it; `dismiss` has no effect from now on."""
        self._is_taken = True

    def kill(self) -> None:
        """Kills the process, which may have ended already."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def early_errors(self) -> bytes:
        """Returns the end of its stderr from before it had its parameters."""
        size = os.fstat(self.stderr).st_size
        return os.pread(self.stderr, _MAX_ERROR_BYTES, max(0, size - _MAX_ERROR_BYTES))

    def close(self) -> None:
        """Closes the pipes, and reaps the process if it has ended."""
        for descriptor in (self.parameters_write_fd, self.status_read_fd, self.stderr, self.pidfd):
            os.close(descriptor)
        # Where there is a reaper it may have been there first, and has unregistered the process.
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                unregister_helper(self.pid)

    def dismiss(self) -> None:
        """Ends the process if it was not taken. May be called twice."""
        if not self._is_taken:
            self._is_taken = True
            self.kill()
            os.waitpid(self.pid, 0)
            unregister_helper(self.pid)
            self.close()


def _spawn(environment: Mapping[str, str], stderr: int) -> tuple[int, int, int]:
    """Starts the process. Returns its pid and the other ends of its stdin and stdout. Raises OSError."""
    opened: list[int] = []
    try:
        stdin, parameters = os.pipe()
        opened += (stdin, parameters)
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
            # Only the root handles Ctrl-C of the terminal.
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
    return pid, parameters, status
