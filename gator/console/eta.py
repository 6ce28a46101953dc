"""How long a run will still take, told from how fast its jobs ended lately.

The rule: it says nothing rather than something it cannot know.
"""

from collections import deque

LATELY = 30.0
"""Seconds that are looked back, or more where few jobs ended in them."""
FEW = 20
LEAST = 3
"""Jobs that must have ended before anything is said."""


class EtaEstimator:
    """Remembers when jobs had ended; at most as many moments as jobs or half seconds it looks back."""

    def __init__(self, now: float) -> None:
        self._moments: deque[tuple[float, int]] = deque([(now, 0)])

    def note(self, now: float, ended: int) -> None:
        """So many jobs that ran had ended at this moment, in seconds of a steady clock."""
        moments = self._moments
        last, before = moments[-1]
        if ended == before:
            return
        if len(moments) > 1 and now - moments[-2][0] < 0.5 and now > last:
            moments.pop()
        moments.append((now, ended))
        while len(moments) > 2 and now - moments[1][0] >= LATELY and ended - moments[1][1] >= FEW:
            moments.popleft()

    @property
    def moments(self) -> int:
        """How many moments are remembered."""
        return len(self._moments)

    def left(self, now: float, ahead: int) -> float | None:
        """Seconds until so many more jobs have ended, None when that is not known."""
        began, before = self._moments[0]
        ended = self._moments[-1][1] - before
        if not ahead or self._moments[-1][1] < LEAST or ended <= 0 or now - began < 1:
            return None
        return ahead * (now - began) / ended
