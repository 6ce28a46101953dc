"""Limits how long a query searches before it returns a partial page."""

from collections.abc import Callable

from msgspec import Struct

from gator.core.pages import Over, never

SEARCH_SECONDS = 0.03
"""Maximum time that a server searches for one page, in seconds; the whole call takes about 40 ms."""


class Budget(Struct, frozen=True):
    """Maximum time for one page; unlimited if `seconds` is None. `monotonic` is the clock."""

    monotonic: Callable[[], float]
    seconds: float | None = SEARCH_SECONDS

    def begin(self) -> Over:
        """Returns a function that tells whether the time for a page that starts now is over."""
        if self.seconds is None:
            return never
        monotonic, until = self.monotonic, self.monotonic() + self.seconds
        return lambda: monotonic() >= until


UNLIMITED = Budget(monotonic=float, seconds=None)
"""For callers in the same process, which wait for the whole page."""
