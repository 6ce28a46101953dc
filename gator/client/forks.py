"""Stops the clients of a process around a fork, and lets them continue after it.

Invariant: a child inherits no lock that another thread held, and no thread of a client runs during a fork.
"""

import logging
import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Final, Protocol

_UNLISTED_SECONDS: Final = 1.0
"""Timeout for an ended thread to leave the kernel's list of threads, which takes microseconds."""


class Forkable(Protocol):
    """A client, as far as a fork concerns it."""

    def pause(self) -> None:
        """Stops the worker before a fork."""
        ...

    def resume(self) -> None:
        """Resumes the worker in the parent process after a fork."""
        ...

    def reset_in_child(self) -> None:
        """Resets the client in a forked process."""
        ...


lifecycle = threading.RLock()
"""Held while a client starts, and by a forking thread from before the fork until after it.

Use it as `forks.lifecycle`, because a forked process has a new one.
"""
_clients: "weakref.WeakSet[Forkable]" = weakref.WeakSet()
_paused: list[Forkable] = []
_forked: list[int] = []
"""The pid of this process if it was forked after this module was imported."""


def register(client: Forkable) -> None:
    """Pauses a client around each fork, as long as it exists."""
    _clients.add(client)


def may_end_suddenly() -> bool:
    """Returns whether this process may end without calling `atexit`, or is about to end.

    Forked processes and those of multiprocessing may end without calling it.
    """
    if _forked or not threading.main_thread().is_alive():
        return True
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


def wait_until_unlisted(thread: int) -> None:
    """Waits until the kernel no longer lists an ended thread, for at most `_UNLISTED_SECONDS`.

    A join returns shortly before that, and Python 3.12 warns of a fork by the kernel's count.
    """
    deadline = time.monotonic() + _UNLISTED_SECONDS
    listed = Path("/proc/self/task", str(thread))
    while listed.exists() and time.monotonic() < deadline:
        time.sleep(0.0001)


def _before_fork() -> None:
    lifecycle.acquire()
    _paused[:] = list(_clients)
    for client in _paused:
        client.pause()


def _after_fork() -> None:
    for client in _paused:
        client.resume()
    _paused.clear()
    lifecycle.release()


def _after_fork_in_child() -> None:
    global lifecycle  # noqa: PLW0603 - it is held, and the threads that waited for it do not exist here
    lifecycle = threading.RLock()
    _forked[:] = [os.getpid()]
    for client in _paused:
        client.reset_in_child()
    _paused.clear()


# Functions for the time before a fork run in reverse order. So the worker is stopped before `logging` takes
# its lock, which the worker needs while it imports h2; that is why this module imports `logging`.
del logging
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
