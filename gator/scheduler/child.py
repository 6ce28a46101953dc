"""Starts a daemon as a child process, directly or through another command such as `taskset`.

Invariant: children are spawned, never forked, because this process has threads of gRPC by then.
"""

import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gator.errors import GatorError, reason_of
from gator.scheduler.request import DaemonRequest

if TYPE_CHECKING:
    import asyncio
    import resource


class ChildHandle:
    """A child process that is a daemon, or that lives as long as the daemon that it started."""

    def __init__(self, pid: int, stdin: int, exited: "asyncio.Future[int]") -> None:
        self.pid = pid
        self.exited = exited
        self._stdin = stdin

    def kill(self) -> None:
        """Kills the process at once. Does nothing if it has exited."""
        if not self.exited.done():
            os.kill(self.pid, signal.SIGKILL)

    def on_reaped(self, status: int, _: "resource.struct_rusage") -> None:
        """Closes the daemon's stdin and reports the exit code."""
        os.close(self._stdin)
        self.exited.set_result(os.waitstatus_to_exitcode(status))


def start_child(request: DaemonRequest, argv: Sequence[str] = ()) -> ChildHandle:
    """Starts a daemon with `argv`, by default that of the request.

    A command that starts the daemon elsewhere must pass on its stdin, and exit when the daemon exits, with
    the same code. A program without a slash is searched in PATH.

    Raises GatorError if the process cannot be started.
    """
    import asyncio

    exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    read, write = os.pipe()
    try:
        pid = _spawn(request, argv or request.argv, read)
        os.write(write, request.parameters)
    except OSError as error:
        os.close(write)
        named = os.fsdecode(error.filename or (argv or request.argv)[0])
        raise GatorError(f"failed to start a daemon: {named}: {reason_of(error)}") from error
    finally:
        os.close(read)
    handle = ChildHandle(pid, write, exited)
    request.children.watch(pid, handle.on_reaped)
    return handle


def _spawn(request: DaemonRequest, argv: Sequence[str], stdin: int) -> int:
    out = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        return os.posix_spawnp(
            argv[0],
            tuple(argv),
            request.environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
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
