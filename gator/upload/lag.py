"""Logs when an upload falls behind the run, and when it has caught up."""

from typing import Final

from gator.runtime import diagnostics

BEHIND_SECONDS: Final = 1.0
"""Time without an acknowledgement after which an upload that has something to send is behind."""


class Lag:
    """Follows one stream. Costs two comparisons a round if there is no diagnostic log."""

    def __init__(self) -> None:
        self._log = diagnostics.logger("upload")
        self._events = 0
        self._since: float | None = None

    def note(self, events: int, now: float, waited: float) -> None:
        """Handles new events of the stores, and the time for which an acknowledgement is due."""
        if self._log is None:
            return
        self._events = self._events + events if waited > 0 else events
        if self._since is None and waited > BEHIND_SECONDS:
            self._since = now - waited
            self._log.warning(
                "behind: the hub has acknowledged nothing for %.1f s, %d events wait", waited, self._events
            )
        elif self._since is not None and waited <= 0:
            self._log.info("caught up after %.1f s", now - self._since)
            self._since = None
