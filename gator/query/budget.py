"""How long a query may look before it comes back with what it found. Rule: the clock comes by argument."""

from collections.abc import Callable

from msgspec import Struct

from gator.core.pages import Over, never

SEARCH_SECONDS = 0.03
"""So long a server searches for one page; with what else an answer takes, it comes after about 40 ms."""


class Budget(Struct, frozen=True):
    """The time that one page may take; without end where it is None."""

    monotonic: Callable[[], float]
    seconds: float | None = SEARCH_SECONDS

    def begin(self) -> Over:
        """The time of one page, from now on."""
        if self.seconds is None:
            return never
        monotonic, until = self.monotonic, self.monotonic() + self.seconds
        return lambda: monotonic() >= until


UNLIMITED = Budget(monotonic=float, seconds=None)
"""For whoever asks in the same process and waits for the whole page anyway."""
