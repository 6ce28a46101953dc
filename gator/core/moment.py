"""A moment on the three clocks that a run needs.

Invariant: durations come from `steady` or `boot`. Differences of `wall` are meaningless if the clock is set.
"""

from typing import NamedTuple


class Moment(NamedTuple):
    """A moment, in nanoseconds of each clock."""

    wall: int
    """Since 1970 UTC, for records and display only."""
    steady: int
    """CLOCK_MONOTONIC, for durations: it is never set and stops while the host is suspended."""
    boot: int
    """CLOCK_BOOTTIME, for deadlines: it is never set and continues while the host is suspended."""

    def since(self, wall: int) -> "Moment":
        """Returns the moment for a wall time recorded by another process; never later than this one."""
        ago = max(self.wall - wall, 0)
        return Moment(self.wall - ago, self.steady - ago, self.boot - ago)
