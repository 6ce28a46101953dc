"""A clock that advances only when told to."""

from gator.core.moment import Moment


class FakeClock:
    """A clock derived from one number of nanoseconds; the wall clock can be set."""

    def __init__(self, nanos: int = 1_700_000_000_000_000_000) -> None:
        self.nanos = nanos
        self.wall_offset = 0

    def now(self) -> Moment:
        """Returns this moment on all clocks."""
        return Moment(self.nanos + self.wall_offset, self.nanos, self.nanos)

    def monotonic(self) -> float:
        """Returns seconds since any moment."""
        return self.nanos / 1e9

    def advance(self, seconds: float) -> None:
        """Advances all clocks."""
        self.nanos += round(seconds * 1e9)

    def set_wall(self, seconds: float) -> None:
        """Sets the wall clock ahead, or back when negative."""
        self.wall_offset += round(seconds * 1e9)
