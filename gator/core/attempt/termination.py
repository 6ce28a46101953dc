"""The times of a start that is repeated, and of processes that are sent SIGTERM.

Invariant: a time in which the host did not run counts for none of the limits.
"""

from msgspec import Struct

from gator.core.attempt.state import (
    CHECK_NANOS,
    MAX_CHECK_NANOS,
    MILLI,
    SECOND,
    SPAWN_NANOS,
    UNKILLABLE_NANOS,
)

_FIRST_RETRY_NANOS = 50 * MILLI
_MAX_RETRY_NANOS = 2 * SECOND


class StartRetries(Struct):
    """When to repeat a start that failed because the host lacks resources. Times are monotonic, in ns."""

    since: int | None = None
    """When the first start failed; None before."""

    def next_start(self, now: int, *, is_patient: bool) -> int | None:
        """Returns when to start again; None if the timeout is over.

        With `is_patient` the timeout begins again at each failure.
        """
        if self.since is None or is_patient:
            self.since = now
        waited = now - self.since
        if waited >= SPAWN_NANOS:
            return None
        return now + max(_FIRST_RETRY_NANOS, min(waited, _MAX_RETRY_NANOS))

    def exclude(self, suspended: int) -> None:
        """Does not count a time in which the host did not run."""
        if self.since is not None:
            self.since += suspended


class Termination(Struct):
    """When to kill processes that were sent SIGTERM, and when to give them up. Times are monotonic, in ns."""

    grace: int
    """Time between SIGTERM and SIGKILL; 0 for none."""
    kill_at: int | None = None
    """When to kill what was sent SIGTERM; None if nothing was."""
    killed_at: int | None = None
    """When leftover processes were first killed; None before."""
    pause: int = CHECK_NANOS
    """Time until the next check for leftover processes."""

    def begin(self, now: int) -> int:
        """Begins the grace, and returns its end."""
        self.kill_at = now + self.grace
        return self.kill_at

    def end_grace(self, now: int) -> None:
        """Ends the grace now."""
        self.kill_at = now

    def is_grace_over(self, now: int) -> bool:
        """Returns whether to kill what still runs."""
        return self.kill_at is None or now >= self.kill_at

    def on_killed(self, now: int) -> None:
        """Records that leftover processes are killed now."""
        self.killed_at = now
        self.pause = CHECK_NANOS

    def increase_pause(self) -> None:
        """Doubles the time until the next check, up to a maximum."""
        self.pause = min(2 * self.pause, MAX_CHECK_NANOS)

    def is_unkillable(self, now: int) -> bool:
        """Returns whether leftover processes survived SIGKILL for too long."""
        return self.killed_at is not None and now - self.killed_at >= UNKILLABLE_NANOS

    def exclude(self, suspended: int) -> None:
        """Does not count a time in which the host did not run."""
        if self.kill_at is not None:
            self.kill_at += suspended
        if self.killed_at is not None:
            self.killed_at += suspended
