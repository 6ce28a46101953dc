"""How long an upload waits for its hub, and how long between two dials.

The rule: knows no clock and sleeps nowhere; whoever asks does.
"""

from collections.abc import Callable
from random import SystemRandom

from msgspec import Struct

_RANDOM = SystemRandom()


class Timeouts(Struct, frozen=True):
    """Times in seconds."""

    first_pause: float = 0.05
    """Between a dial that failed and the next."""
    most_pause: float = 2.0
    """The same after many."""
    welcome: float = 10.0
    """So long a hub may take to answer a Hello."""
    stalled: float = 5.0
    """A hub that acknowledges nothing for so long counts as away, though the stream goes on."""


class Backoff:
    """The pauses between dials: each twice as long as the one before, but somewhat less by chance.

    So not all roots dial at once when their hub comes back. `uniform` gives a number between two.
    """

    def __init__(
        self, patience: Timeouts, uniform: Callable[[float, float], float] = _RANDOM.uniform
    ) -> None:
        self._patience, self._uniform = patience, uniform
        self._next = patience.first_pause

    def after(self, *, useful: bool) -> float:
        """Seconds to wait after a stream that has ended; after a useful one they begin anew."""
        if useful:
            self._next = self._patience.first_pause
        pause = self._next
        self._next = min(2 * pause, self._patience.most_pause)
        return pause * self._uniform(0.5, 1.0)
