"""Timeouts of an upload, and its delays between two dials. Reads no clock and does not sleep."""

from collections.abc import Callable
from random import SystemRandom

from msgspec import Struct

_RANDOM = SystemRandom()


class Timeouts(Struct, frozen=True):
    """Timeouts and delays in seconds."""

    first_pause: float = 0.05
    """Delay after the first failed dial."""
    max_pause: float = 2.0
    """Maximum delay."""
    welcome: float = 10.0
    """Timeout of the answer to a Hello."""
    stalled: float = 5.0
    """Timeout of an ack; after it a hub counts as unreachable, even if the stream is open."""


class Backoff:
    """Exponential backoff with jitter, so that not all roots dial at once when their hub is back.

    `uniform` returns a random number between two numbers.
    """

    def __init__(
        self, timeouts: Timeouts, uniform: Callable[[float, float], float] = _RANDOM.uniform
    ) -> None:
        self._timeouts, self._uniform = timeouts, uniform
        self._next = timeouts.first_pause

    def after(self, *, useful: bool) -> float:
        """Returns the delay after a stream has ended; a useful stream resets it."""
        if useful:
            self._next = self._timeouts.first_pause
        pause = self._next
        self._next = min(2 * pause, self._timeouts.max_pause)
        return pause * self._uniform(0.5, 1.0)
