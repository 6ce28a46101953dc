"""The hub's log: a line for each thing, with its time, on stderr.

Rule: what a stranger sends makes neither two lines of one, nor more lines than a disk can bear.
"""

import logging
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote

REFUSALS = 20
"""Lines about refused calls in `PERIOD_SECONDS`; the others are only counted."""
MOVES = 500
"""The same of runs that come and go: many may come at once, but one that does so for ever fills no disk."""
PERIOD_SECONDS = 60.0
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


class Allowance:
    """Lets so many lines of a sort pass in `PERIOD_SECONDS`.

    `rest` has one `%d`: it says afterwards how many more there were.
    """

    def __init__(self, most: int, level: int, rest: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._level, self._rest, self._clock = most, level, rest, clock
        self._since = clock()
        self._count = 0

    def say(self, text: str, *values: object) -> None:
        """One more line, as the methods of a logger take it."""
        if self._clock() - self._since >= PERIOD_SECONDS:
            self.close()
        self._count += 1
        if self._count <= self._most:
            log.log(self._level, text, *values)

    def close(self) -> None:
        """Say how many were not said."""
        if self._count > self._most:
            log.log(self._level, self._rest, self._count - self._most)
        self._since, self._count = self._clock(), 0


class RefusalLog(Allowance):
    """A line for each call that was refused, as `gator.rpc.serve` tells them."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        name_of: Callable[[str], str] = lambda token: "",
    ) -> None:
        """`name_of` gives the name of the user whose token it is; empty where nobody's."""
        self._name_of = name_of
        super().__init__(REFUSALS, logging.WARNING, "refused %d more calls within a minute", clock)

    def __call__(self, method: str, peer: str, error: Exception, token: str = "") -> None:
        """One more. Of the token nothing is said but whose it is."""
        name = self._name_of(token)
        who = f"{name} at {unquote(peer)}" if name else unquote(peer)
        self.say("refused %s to %s: %s", method.rpartition("/")[2], who, error)


class MoveLog(Allowance):
    """A line for each run that comes, and for each that goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(MOVES, logging.INFO, "runs came or went %d more times within a minute", clock)


class KeepingLog(Allowance):
    """A line for each run that somebody pins, unpins or deletes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        rest = "runs were pinned, unpinned or deleted %d more times within a minute"
        super().__init__(MOVES, logging.INFO, rest, clock)


class TroubleLog(Allowance):
    """A line for each question that the database did not answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        rest = "the database could not be read %d more times within a minute"
        super().__init__(REFUSALS, logging.ERROR, rest, clock)


class OneLine(logging.Formatter):
    """What is printable, in one line; a traceback is part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = super().format(record)
        line = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
        return line if record.exc_info else line[:_LONGEST]
