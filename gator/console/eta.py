"""Estimates how long a run will still take, from the rate at which jobs ended recently.

Invariant: there is no estimate before enough jobs have ended.
"""

from collections import deque

WINDOW_SECONDS = 30.0
"""Length of the window in seconds from which the rate is computed."""
MIN_JOBS_IN_WINDOW = 20
"""Minimum number of jobs that end within the window; with fewer, the window is longer."""
MIN_JOBS = 3
"""Minimum number of ended jobs for an estimate."""


class EtaEstimator:
    """Records the numbers of ended jobs over time, at most one entry per job or half second of the window."""

    def __init__(self, now: float) -> None:
        self._moments: deque[tuple[float, int]] = deque([(now, 0)])

    def note(self, now: float, ended: int) -> None:
        """Records the number of jobs that have run and ended by `now`, in seconds of a steady clock."""
        moments = self._moments
        last, before = moments[-1]
        if ended == before:
            return
        if len(moments) > 1 and now - moments[-2][0] < 0.5 and now > last:
            moments.pop()
        moments.append((now, ended))
        while (
            len(moments) > 2
            and now - moments[1][0] >= WINDOW_SECONDS
            and ended - moments[1][1] >= MIN_JOBS_IN_WINDOW
        ):
            moments.popleft()

    @property
    def moments(self) -> int:
        """Number of entries that are kept."""
        return len(self._moments)

    def left(self, now: float, ahead: int) -> float | None:
        """Returns the seconds until `ahead` more jobs have ended; None if there is no estimate."""
        began, before = self._moments[0]
        ended = self._moments[-1][1] - before
        if not ahead or self._moments[-1][1] < MIN_JOBS or ended <= 0 or now - began < 1:
            return None
        return ahead * (now - began) / ended
