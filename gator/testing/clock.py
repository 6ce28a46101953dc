"""A clock that stands still until it is told to go on."""


class FakeClock:
    """Both times come from one number of nanoseconds."""

    def __init__(self, nanos: int = 1_700_000_000_000_000_000) -> None:
        self.nanos = nanos

    def unix_nanos(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return self.nanos

    def monotonic(self) -> float:
        """Seconds since any moment."""
        return self.nanos / 1e9

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.nanos += round(seconds * 1e9)
