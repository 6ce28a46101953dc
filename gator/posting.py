"""Calls from other threads to an event loop. Rule: however many there are, they wake it once.

A loop is woken by a byte on a socket that has room for some 280 of them, and a signal is a byte on the same
socket: one that finds it full is lost. So threads that post much while a loop is busy must not fill it.
"""

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable


class Poster:
    """Runs calls on a loop in the order in which they were posted, as `loop.call_soon_threadsafe` does."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._calls: list[Callable[[], object]] = []

    def __call__(self, call: Callable[[], object]) -> None:
        """From any thread. Raises RuntimeError when the loop is closed."""
        with self._lock:
            self._calls.append(call)
            if len(self._calls) > 1:
                # Whoever posted the first has woken the loop.
                return
        self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            # Each by itself, so that one that fails spoils no other.
            self._loop.call_soon(call)
