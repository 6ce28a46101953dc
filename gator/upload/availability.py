"""What the user of a run is told of a hub that goes away and comes back.

The rule: each absence is told once and each return that follows it once, the next one only after a while;
but whoever was told last that the hub is there hears of it when it stays away. Knows no clock.
"""

from enum import Enum, auto

AGAIN_SECONDS = 60.0
"""The time between two absences that are told."""


class _State(Enum):
    THERE = auto()
    AWAY = auto()
    """It is away, and that was not told."""
    TOLD_AWAY = auto()


class HubAvailability:
    """Decides what is told. Times are in seconds, steady; absences are told at least `again` apart."""

    def __init__(self, again: float = AGAIN_SECONDS) -> None:
        self._state = _State.THERE
        self._again = again
        self._told: float | None = None

    def on_away(self, now: float) -> bool:
        """The hub is away: whether to tell it. When it is too soon, ask again at `due` if it still is."""
        if self._state is _State.TOLD_AWAY:
            return False
        if self._told is not None and now < self.due:
            self._state = _State.AWAY
            return False
        self._state, self._told = _State.TOLD_AWAY, now
        return True

    @property
    def due(self) -> float:
        """When the next absence may be told."""
        return (self._told or 0.0) + self._again

    @property
    def is_kept_back(self) -> bool:
        """Whether the hub is away and that was not told."""
        return self._state is _State.AWAY

    def on_back(self) -> bool:
        """The hub is there: whether to tell it."""
        was_told = self._state is _State.TOLD_AWAY
        self._state = _State.THERE
        return was_told
