"""The log of a hub on stderr: one line for each event, with its time.

Invariant: clients cannot inject lines, nor cause more lines than a bounded number per minute.
"""

import logging
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote

MAX_REFUSAL_LINES = 20
"""Maximum number of lines about rejected calls in `PERIOD_SECONDS`; further ones are counted."""
MAX_ATTACH_LINES = 500
"""Maximum number of lines about runs that attach and detach in `PERIOD_SECONDS`."""
MAX_PIN_LINES = 500
"""Maximum number of lines about runs that are pinned, unpinned or deleted in `PERIOD_SECONDS`."""
PERIOD_SECONDS = 60.0
"""Period in seconds in which lines of one kind are counted."""
_MAX_CHARACTERS = 2000
"""Maximum number of characters of a line without a traceback."""

log = logging.getLogger("gator.hub")


def configure_logging() -> None:
    """Configures logging to stderr; further calls have no effect."""
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(message)s"))
    # gRPC logs errors of its own tasks.
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    log.setLevel(logging.INFO)


class Allowance:
    """Limits the lines of one kind in `PERIOD_SECONDS`.

    `rest` has one `%d` for the number of suppressed lines.
    """

    def __init__(
        self, maximum: int, level: int, rest: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._maximum, self._level, self._rest, self._clock = maximum, level, rest, clock
        self._since = clock()
        self._count = 0

    def log(self, text: str, *values: object) -> None:
        """Logs a line, with the arguments of the methods of a logger."""
        if self._clock() - self._since >= PERIOD_SECONDS:
            self.close()
        self._count += 1
        if self._count <= self._maximum:
            log.log(self._level, text, *values)

    def close(self) -> None:
        """Logs the number of suppressed lines."""
        if self._count > self._maximum:
            log.log(self._level, self._rest, self._count - self._maximum)
        self._since, self._count = self._clock(), 0


class RefusalLog(Allowance):
    """Logs rejected calls, for `gator.rpc.server.serve`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        name_of: Callable[[str], str] = lambda token: "",
    ) -> None:
        """Initialises it; `name_of` returns the user of a token, or an empty string."""
        self._name_of = name_of
        super().__init__(MAX_REFUSAL_LINES, logging.WARNING, "rejected %d more calls within a minute", clock)

    def __call__(self, method: str, peer: str, error: Exception, token: str = "") -> None:
        """Logs a rejected call with the user of its token, never the token."""
        name = self._name_of(token)
        who = f"{name} at {unquote(peer)}" if name else unquote(peer)
        self.log("rejected %s from %s: %s", method.rpartition("/")[2], who, error)


class AttachLog(Allowance):
    """Logs runs that attach and detach."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(
            MAX_ATTACH_LINES, logging.INFO, "runs attached or detached %d more times within a minute", clock
        )


class PinLog(Allowance):
    """Logs runs that are pinned, unpinned or deleted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        rest = "runs were pinned, unpinned or deleted %d more times within a minute"
        super().__init__(MAX_PIN_LINES, logging.INFO, rest, clock)


class DatabaseErrorLog(Allowance):
    """Logs failed queries of the database."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        rest = "the database could not be read %d more times within a minute"
        super().__init__(MAX_REFUSAL_LINES, logging.ERROR, rest, clock)


class OneLineFormatter(logging.Formatter):
    """Formats a record, including its traceback, as one printable line."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        text = super().format(record)
        line = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
        return line if record.exc_info else line[:_MAX_CHARACTERS]
