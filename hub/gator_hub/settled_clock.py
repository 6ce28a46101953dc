"""The clock by which a hub determines the age of runs."""

import time
from collections.abc import Callable
from logging import getLogger
from typing import Final

from gator.units import span

_STEP_NANOS: Final = 60 * 10**9
"""Minimum difference in nanoseconds that means that the clock was set. Smaller differences are drift."""
_SETTLE_NANOS: Final = 24 * 3_600 * 10**9
"""Time in nanoseconds after which a clock that was set is trusted."""

_log = getLogger("gator.hub")


def _boot_nanos() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SettledClock:
    """The wall clock, which follows a change of more than a minute only after a day.

    Until then it returns the earlier of the old and the new time. Otherwise a clock that is wrong for a
    minute would make all runs exceed their maximum age.
    """

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = _boot_nanos
    ) -> None:
        """Starts at the wall clock. `steady` never jumps, and continues while the host is suspended."""
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._set_to, self._set_at = self._offset, 0

    def now(self) -> int:
        """Returns nanoseconds since 1970."""
        wall, steady = self._wall(), self._steady()
        offset = wall - steady
        if abs(offset - self._set_to) > _STEP_NANOS:
            self._set_at = steady
            if abs(offset - self._offset) > _STEP_NANOS:
                self._log_set(offset - self._offset)
        self._set_to = offset
        if abs(offset - self._offset) <= _STEP_NANOS or steady - self._set_at >= _SETTLE_NANOS:
            self._offset = offset
        return min(wall, steady + self._offset)

    def _log_set(self, nanos: int) -> None:
        way = "forward" if nanos > 0 else "back"
        text = "the clock was set %s by %s: for a day no run counts as older than before"
        _log.warning(text, way, span(abs(nanos)))
