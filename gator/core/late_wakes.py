"""Times in which a process did not run: a paused VM, a frozen cgroup, SIGSTOP, or a host with too much to do.

What happened meanwhile is not known yet when the process wakes up, and jobs may have stood still too. So no
timer of an attempt may count such a time. Times are nanoseconds of CLOCK_MONOTONIC.
"""

LATE_NANOS = 2_000_000_000
"""A wake-up that is later than this is not taken for the usual delay of a busy host."""


class LateWakeDetector:
    """Tells from the wake-ups of an event loop that it did not run.

    The caller sets a timer, says by `expect` when it is due, and calls `on_wake` first thing whenever it
    runs, whatever woke it.
    """

    __slots__ = ("_due", "_seen")

    def __init__(self) -> None:
        self._due: int | None = None
        self._seen = 0

    def expect(self, due: int | None) -> None:
        """The loop will run at this time at the latest; None: nothing makes it run."""
        self._due = due

    def on_wake(self, now: int) -> int:
        """Returns for how long the process stood still, at most; 0 if it woke up in time."""
        stood_still = 0
        if self._due is not None and now - self._due > LATE_NANOS:
            stood_still = now - self._seen
            # The timer itself has yet to be handled: that is not late once more.
            self._due = now
        self._seen = now
        return stood_still


class LateWakes:
    """Joins what several processes of one host report of the same time of standing still."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: int | None = None

    def is_new(self, now: int, stood_still: int) -> bool:
        """Whether a report that came now is about another time than the reports before."""
        is_new = self._until is None or now - stood_still > self._until
        self._until = now
        return is_new
