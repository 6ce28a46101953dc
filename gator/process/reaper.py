"""Reaps all children of this process.

Invariant: no other code reaps. Children that are not watched are adopted orphans; they are reaped too.
"""

import os
import resource
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable, KeysView

from gator.process.ownership.select import unregister_helper

_Exit = tuple[int, resource.struct_rusage]
OnExit = Callable[[int, resource.struct_rusage], None]
OnStranger = Callable[[int, int, resource.struct_rusage], None]

_MAX_A_TURN = 64
_MAX_KEPT = 1024


class Reaper:
    """Waits for all children of this process; must live in the main thread.

    `on_stranger(pid, status, usage)` is called for children that are not watched.
    """

    __slots__ = ("_loop", "_on_stranger", "_unclaimed", "_watched")

    def __init__(self, loop: AbstractEventLoop, on_stranger: OnStranger | None = None) -> None:
        self._loop = loop
        self._on_stranger = on_stranger
        self._watched: dict[int, OnExit] = {}
        self._unclaimed: dict[int, _Exit] = {}
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        loop.call_soon(self._reap)

    @property
    def watched(self) -> KeysView[int]:
        """The pids of the children that are waited for, a live view."""
        return self._watched.keys()

    def watch(self, pid: int, callback: OnExit) -> None:
        """Calls `callback(status, usage)` once the child is reaped, never from within this call.

        `status` is that of wait(2), to be read with os.waitstatus_to_exitcode. A child that was reaped
        before is reported as well, if at most 1,024 strangers ended since.
        """
        kept = self._unclaimed.pop(pid, None)
        if kept is not None and not _is_child(pid):
            self._loop.call_soon(callback, *kept)
            return
        self._watched[pid] = callback

    def close(self) -> None:
        """Stops reaping; callbacks of children that still run are never called."""
        self._loop.remove_signal_handler(signal.SIGCHLD)
        self._watched.clear()

    def poll(self) -> bool:
        """Reaps ended processes without waiting for the signal. Returns False if there may be more."""
        for _ in range(_MAX_A_TURN):
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return True
            unregister_helper(pid)
            callback = self._watched.pop(pid, None)
            if callback is not None:
                callback(status, usage)
            else:
                self._keep(pid, status, usage)
        return False

    def _reap(self) -> None:
        if not self.poll():
            self._loop.call_soon(self._reap)

    def _keep(self, pid: int, status: int, usage: resource.struct_rusage) -> None:
        self._unclaimed.pop(pid, None)
        if len(self._unclaimed) >= _MAX_KEPT:
            del self._unclaimed[next(iter(self._unclaimed))]
        self._unclaimed[pid] = status, usage
        if self._on_stranger is not None:
            self._on_stranger(pid, status, usage)


def _is_child(pid: int) -> bool:
    """Returns whether a pid belongs to a child again, so that an exit kept under it is of an earlier one."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
