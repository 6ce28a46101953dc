"""Measures how long an attempt has been silent."""

from msgspec import Struct

from gator.core.attempt.evidence import Evidence


class Silence(Struct):
    """The time without output or growth of the watched file. All times are in nanoseconds, monotonic."""

    limit: int
    """Maximum time; 0 for any."""
    since: int = 0
    """Last sign of life."""
    due: int | None = None
    """When the silence has lasted too long; None while that is not watched or is being investigated."""
    cpu_nanos: int = 0
    """Processor time that was used in the silence, as far as it was sampled."""
    sampled: int = 0
    """Time of the last sample."""

    def start(self, now: int) -> None:
        """Begins to watch."""
        if self.limit:
            self.sampled = now
            self.break_off(now)

    def break_off(self, now: int) -> None:
        """Takes note of a sign of life."""
        if self.limit:
            self.since, self.due, self.cpu_nanos = now, now + self.limit, 0

    def is_due(self, now: int) -> bool:
        """Returns whether the silence has lasted too long."""
        return self.due is not None and now >= self.due

    def investigate(self) -> None:
        """Stops watching until `lasts` is called with what was found."""
        self.due = None

    def lasts(self, now: int, evidence: Evidence) -> bool:
        """Returns whether there is still no sign of life; watches on if there was one."""
        if self.due is not None and not evidence.prints_stacks:
            # There was output meanwhile.
            return False
        age = evidence.file_age_nanos
        if age is not None and age < self.limit:
            self.break_off(now - age)
            return False
        return True

    def add_sample(self, now: int, cores: float) -> None:
        """Adds the mean use of the processor since the last sample."""
        if self.limit:
            self.cpu_nanos += round(cores * (now - max(self.sampled, self.since)))
            self.sampled = now

    def credit(self, stood_still: int) -> None:
        """Does not count a time in which the host did not run."""
        self.since += stood_still
        if self.due is not None:
            self.due += stood_still

    def stop(self) -> None:
        """Stops watching, because the attempt ends."""
        self.limit, self.due = 0, None
