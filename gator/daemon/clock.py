"""The real clock. The one place besides measuring loops where time is read."""

import time


class SystemClock:
    """The clocks of this host."""

    def unix_nanos(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds since any moment."""
        return time.monotonic()
