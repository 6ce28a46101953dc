"""One timer for all attempts of a host, which also detects that this process did not run for a while.

Invariant: every decision about an attempt takes the time from `now`, so that none uses an uncredited time.
"""

import asyncio
from collections.abc import Callable
from time import monotonic_ns

from gator.core.late_wakes import LateWakeDetector
from gator.units import span

MAX_SLEEP_NANOS = 1_000_000_000
"""Maximum time between two checks of the clock while a timer runs, to detect late wake-ups."""
MIN_TICK_NANOS = 10_000_000
"""Minimum time between two rounds of all attempts, so that many attempts do not cause as many rounds."""


class AttemptTimer:
    """Calls `on_time(now)` when the earliest requested time has come.

    `on_time` returns the earliest time that attempts ask for, or None. `exclude(now, stood_still)` is called
    first when the process did not run for a while. `poll` handles the exits and output of that period and
    returns whether nothing is left to handle. Times are nanoseconds of the monotonic clock.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_time: Callable[[int], int | None],
        exclude: Callable[[int, int], None],
        poll: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._on_time, self._exclude, self._poll = on_time, exclude, poll
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0
        self._late_wakes = LateWakeDetector()

    def now(self) -> int:
        """Returns this moment, after late wake-ups have been excluded."""
        now = monotonic_ns()
        stood_still = self._late_wakes.on_wake(now)
        if stood_still:
            self._exclude(now, stood_still)
        return now

    def wake(self, at: int) -> None:
        """Calls `on_time` at this time, or up to one tick later."""
        at = min(at, monotonic_ns() + MAX_SLEEP_NANOS)
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        self._handle = self._loop.call_at(at / 1e9, self._on_timer)
        self._late_wakes.expect(at)

    def cancel(self) -> None:
        """Cancels the timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _on_timer(self) -> None:
        self._handle = None
        now = self.now()
        self._late_wakes.expect(None)
        # Exits and output of this period are handled before any timer.
        if not self._poll():
            self.wake(now)
            return
        earliest = self._on_time(now)
        if earliest is not None:
            self.cancel()
            self.wake(max(earliest, now + MIN_TICK_NANOS))


def late_wake_text(stood_still: int) -> str:
    """Returns the warning about a late wake-up; the time is in nanoseconds."""
    return (
        f"Gator itself did not run for {span(stood_still)}: timeouts and grace periods of running jobs are "
        "extended by this time: check for a suspended host, a paused container or high load"
    )
