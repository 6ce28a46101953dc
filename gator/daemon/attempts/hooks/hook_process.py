"""The process of a hook: a shell beside that of the job, whose output is kept and bounded.

Invariant: its end is reported exactly once.
"""

import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress

from gator.core.attempt.hooks import MAX_OUTPUT_BYTES, HookEnd
from gator.process.pipes import Pipe, Pipes
from gator.process.reaper import Reaper
from gator.process.spawn import SpawnError, SpawnRequest, spawn


class HookProcess:
    """A hook that runs; `then` gets its end, within the constructor if it cannot be started."""

    __slots__ = ("_kill_sent", "_name", "_output", "_pipe", "_size", "_then", "is_over", "pid")

    def __init__(
        self, name: str, command: SpawnRequest, reaper: Reaper, pipes: Pipes, then: Callable[[HookEnd], None]
    ) -> None:
        self._name, self._then = name, then
        self._output = bytearray()
        self._size = 0
        self._kill_sent = False
        self._pipe: Pipe | None = None
        self.pid = 0
        self.is_over = False
        try:
            process = spawn(command)
        except SpawnError as error:
            self._end(HookEnd(name, problem=error.message))
            return
        self.pid = process.pid
        self._pipe = pipes.open(process.stdout_fd, self._on_data, lambda: None)
        reaper.watch(process.pid, self._on_exit)

    def signal(self, number: int) -> None:
        """Sends a signal to the hook and the processes of its group."""
        self._kill_sent = self._kill_sent or number == signal.SIGKILL
        if not self.is_over:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _on_data(self, data: bytes) -> None:
        self._size += len(data)
        self._output += data[: MAX_OUTPUT_BYTES - len(self._output)]

    def _on_exit(self, status: int, usage: resource.struct_rusage) -> None:
        del usage
        if self._pipe is not None:
            self._pipe.drain_now()
            # A process that it has left behind may hold the other end.
            self._pipe.close()
        code = os.waitstatus_to_exitcode(status)
        self._end(
            HookEnd(
                self._name,
                bytes(self._output),
                dropped=self._size - len(self._output),
                code=code,
                is_timed_out=self._kill_sent and code == -signal.SIGKILL,
            )
        )

    def _end(self, end: HookEnd) -> None:
        self.is_over = True
        self._then(end)
