"""Decides when the user of a run is told that the hub is unreachable, and that it is back.

Invariant: each absence is reported at most once, and so is the return after it. A user whose last report was
that the hub is back learns of an absence that lasts. Reads no clock.
"""

from enum import Enum, auto

REPORT_INTERVAL_SECONDS = 60.0
"""Minimum interval of two reports of an absence, in seconds."""


class _State(Enum):
    REACHABLE = auto()
    AWAY = auto()
    """It is unreachable, and that was not reported."""
    REPORTED = auto()


class HubAvailability:
    """Decides what is reported. Times are in steady seconds; `interval` is the interval of reports."""

    def __init__(self, interval: float = REPORT_INTERVAL_SECONDS) -> None:
        self._state = _State.REACHABLE
        self._interval = interval
        self._reported_at: float | None = None

    def on_away(self, now: float) -> bool:
        """Returns whether to report an absence. If it is too early, call `due` for the time to report it."""
        if self._state is _State.REPORTED:
            return False
        if self._reported_at is not None and now < self.due:
            self._state = _State.AWAY
            return False
        self._state, self._reported_at = _State.REPORTED, now
        return True

    @property
    def due(self) -> float:
        """Returns the earliest time of the next report."""
        return (self._reported_at or 0.0) + self._interval

    @property
    def is_reported(self) -> bool:
        """Returns whether the present absence was reported."""
        return self._state is _State.REPORTED

    @property
    def is_unreported(self) -> bool:
        """Returns whether an absence was not reported."""
        return self._state is _State.AWAY

    def on_back(self) -> bool:
        """Returns whether to report that the hub is back."""
        was_reported = self._state is _State.REPORTED
        self._state = _State.REACHABLE
        return was_reported
