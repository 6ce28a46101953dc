"""Detects periods in which a process did not run: a paused VM, a frozen cgroup, SIGSTOP, an overloaded host.

On wake-up, events of this period are not handled yet, and jobs may have been stopped too. Timers of attempts
therefore exclude such periods. Times are nanoseconds of CLOCK_MONOTONIC.
"""

LATE_NANOS = 2_000_000_000
"""Minimum delay of a wake-up that is not the usual delay of a busy host."""


class LateWakeDetector:
    """Detects from the wake-ups of an event loop that it did not run.

    The caller sets a timer, passes its due time to `expect`, and calls `on_wake` first whenever it runs,
    for any reason.
    """

    __slots__ = ("_due", "_last_wake")

    def __init__(self) -> None:
        self._due: int | None = None
        self._last_wake = 0

    def expect(self, due: int | None) -> None:
        """Sets the latest time at which the loop will run; None if no timer is set."""
        self._due = due

    def on_wake(self, now: int) -> int:
        """Returns the maximum time for which the process did not run; 0 if it woke up in time.

        A loop that is late because it was busy has called this in the meantime.
        """
        stood_still = 0
        if self._due is not None and now - max(self._due, self._last_wake) > LATE_NANOS:
            stood_still = now - self._last_wake
            # The timer itself is still to be handled, which must not count as late again.
            self._due = now
        self._last_wake = now
        return stood_still


class LateWakes:
    """Merges the reports of several processes of one host about the same period."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: int | None = None

    def is_new(self, now: int, stood_still: int) -> bool:
        """Returns whether a report received now is about another period than the earlier reports."""
        is_new = self._until is None or now - stood_still > self._until
        self._until = now
        return is_new
