"""Watches the root of an upload, independent of what the upload itself does.

Invariant: it needs no event loop, so a blocked event loop cannot keep the process alive after its root.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable


class RootWatch:
    """Reads a pipe from the root in a thread of its own: any line means that the run has ended.

    The end of the file means that the root is gone: `last_seconds` later the process exits with `code`.
    """

    def __init__(self, descriptor: int, last_seconds: float, code: int) -> None:
        """Starts the thread. Raises RuntimeError if the system has none."""
        self._descriptor, self._last_seconds, self._code = descriptor, last_seconds, code
        self._lock = threading.Lock()
        self._is_over = False
        self._notify: Callable[[], object] | None = None
        threading.Thread(target=self._listen, name="gator-root-watch", daemon=True).start()

    def on_over(self, notify: Callable[[], object]) -> None:
        """Registers a function that is called, in any thread, once the run has ended; at once if it has."""
        with self._lock:
            self._notify = notify
            is_over = self._is_over
        if is_over:
            self._notify_ended()

    def _listen(self) -> None:
        while os.read(self._descriptor, 4096):
            self._notify_ended()
        self._notify_ended()
        time.sleep(self._last_seconds)
        os._exit(self._code)

    def _notify_ended(self) -> None:
        with self._lock:
            self._is_over = True
            notify = self._notify
        if notify is not None:
            # The loop is closed, so there is no call to make.
            with contextlib.suppress(RuntimeError):
                notify()
