"""The hub's log: a line for each thing, with its time, on stderr.

Rule: what a stranger sends makes neither two lines of one, nor more lines than a disk can bear.
"""

import logging
import sys
import time
from collections.abc import Callable

REFUSALS = 20
"""Lines about refused calls in `REFUSAL_SECONDS`; the others are only counted."""
REFUSAL_SECONDS = 60.0
_LONGEST = 2000

log = logging.getLogger("gator.hub")


def begin() -> None:
    """Write what modules log to stderr from now on; once is enough."""
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    # gRPC logs what fails in its own tasks.
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    log.setLevel(logging.INFO)


class RefusalLog:
    """A line for each call that was refused, as `gator.rpc.serve` tells them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._count = 0

    def __call__(self, method: str, peer: str, error: Exception) -> None:
        """One more."""
        if self._clock() - self._since >= REFUSAL_SECONDS:
            self.close()
        self._count += 1
        if self._count <= REFUSALS:
            log.warning("refused %s to %s: %s", method, peer, error)

    def close(self) -> None:
        """Say how many were not said."""
        if self._count > REFUSALS:
            log.warning("refused %d more calls within a minute", self._count - REFUSALS)
        self._since, self._count = self._clock(), 0


class OneLine(logging.Formatter):
    """What is printable, in one line; a traceback is part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = super().format(record)
        line = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
        return line if record.exc_info else line[:_LONGEST]
