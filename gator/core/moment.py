"""One moment on the three clocks that a run needs.

Invariant: spans come from `steady` or `boot`. Differences of `wall` mean nothing while a clock is set.
"""

from typing import NamedTuple


class Moment(NamedTuple):
    """A moment, in nanoseconds of each clock."""

    wall: int
    """Since 1970 UTC, for records and display only."""
    steady: int
    """CLOCK_MONOTONIC, for durations: it is never set, and stands still while the host is suspended."""
    boot: int
    """CLOCK_BOOTTIME, for deadlines: it is never set, and counts the time in which the host is suspended."""

    def since(self, wall: int) -> "Moment":
        """Returns the moment of which only the wall time is known, as when another process wrote it down.

        It is never after this one.
        """
        ago = max(self.wall - wall, 0)
        return Moment(self.wall - ago, self.steady - ago, self.boot - ago)
