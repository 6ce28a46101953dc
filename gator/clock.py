"""The real clock. Only this module and loops that measure read the time."""

import time

from gator.core.moment import Moment


class SystemClock:
    """The clocks of this host."""

    def now(self) -> Moment:
        """Returns this moment on all clocks."""
        boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return Moment(time.time_ns(), time.monotonic_ns(), boot)

    def monotonic(self) -> float:
        """Returns seconds since any moment."""
        return time.monotonic()
