"""Listens to the root of an upload, whatever the upload itself is busy with.

The rule: it needs no event loop, so that one that is held up by the system or a library cannot keep a process
alive whose root is gone.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable


class RootWatch:
    """Reads a pipe from the root in a thread of its own: any line says that the run is over.

    At its end of file the root is gone: after `last_seconds` the process ends with `code`.
    """

    def __init__(self, descriptor: int, last_seconds: float, code: int) -> None:
        """Begin. Raises RuntimeError when there is no thread to be had."""
        self._descriptor, self._last_seconds, self._code = descriptor, last_seconds, code
        self._lock = threading.Lock()
        self._is_over = False
        self._tell: Callable[[], object] | None = None
        threading.Thread(target=self._listen, name="gator-root-watch", daemon=True).start()

    def on_over(self, tell: Callable[[], object]) -> None:
        """Call this, in whatever thread, once the run is over; at once if it is. May raise RuntimeError."""
        with self._lock:
            self._tell = tell
            is_over = self._is_over
        if is_over:
            self._say()

    def _listen(self) -> None:
        while os.read(self._descriptor, 4096):
            self._say()
        self._say()
        time.sleep(self._last_seconds)
        os._exit(self._code)

    def _say(self) -> None:
        with self._lock:
            self._is_over = True
            tell = self._tell
        if tell is not None:
            # A loop that is closed has nothing to hear any more.
            with contextlib.suppress(RuntimeError):
                tell()
