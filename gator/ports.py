"""The small borders between what decides and what does: each has a real implementation and a fake.

The rule: a port is as small as its users need, and knows no library.
"""

from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def unix_nanos(self) -> int:
        """Nanoseconds since 1970 UTC, for the record."""
        ...

    def monotonic(self) -> float:
        """Seconds since any moment, for measuring."""
        ...
