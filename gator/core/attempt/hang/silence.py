"""Measures how long an attempt has been silent."""

from typing import TypeAlias

from msgspec import Struct

from gator.v1 import event_pb2

FileState: TypeAlias = tuple[int, int] | None
"""Size in bytes and inode of a file; None if there is none."""

_LOOKS = 4
"""Number of looks at the watched file within the maximum time."""


class Silence(Struct):
    """The time without a sign of life: output, messages, or a change of the size of the watched file.

    All times are in nanoseconds, monotonic.
    """

    limit: int
    """Maximum time; 0 disables it."""
    watches: bool = False
    """Whether a file is watched."""
    since: int = 0
    """Last sign of life."""
    due: int | None = None
    """When to look next; None while a look is not answered, or nothing is measured."""
    cpu_nanos: int = 0
    """Processor time that was used in the silence, as far as it was sampled."""
    sampled: int = 0
    """Time of the last sample."""
    file: FileState = None
    """The watched file when it was looked at last."""
    has_looked: bool = False
    last_words: event_pb2.ErrorMessage | None = None
    """The last lines of the output before the investigation; None before it, or without output."""

    def start(self, now: int) -> None:
        """Begins to measure; a watched file is looked at at once."""
        self.sampled = now
        self.reset(now)
        if self.limit and self.watches:
            self.due = now

    def reset(self, now: int) -> None:
        """Records a sign of life."""
        if self.limit:
            self.since, self.cpu_nanos = now, 0
            self.due = now + (self.limit // _LOOKS if self.watches else self.limit)

    def is_due(self, now: int) -> bool:
        """Returns whether to look now."""
        return self.due is not None and now >= self.due

    def is_over(self, now: int) -> bool:
        """Returns whether the silence has lasted too long."""
        return self.limit > 0 and now - self.since >= self.limit

    def look(self) -> None:
        """Waits for the answer of a look."""
        self.due = None

    def on_file(self, now: int, state: FileState) -> None:
        """Handles the state of the watched file; a change is a sign of life."""
        if self.has_looked and state != self.file:
            self.reset(now)
        elif self.due is None and not self.is_over(now):
            self.due = min(now + self.limit // _LOOKS, self.since + self.limit)
        self.file, self.has_looked = state, True

    def add_sample(self, now: int, cores: float) -> None:
        """Adds the mean use of the processor since the last sample."""
        if self.limit:
            self.cpu_nanos += round(cores * (now - max(self.sampled, self.since)))
            self.sampled = now

    def exclude(self, suspended: int) -> None:
        """Does not count a time in which the host did not run."""
        self.since += suspended
        if self.due is not None:
            self.due += suspended

    def stop(self) -> None:
        """Measures no more, because the attempt ends."""
        self.limit, self.due = 0, None
