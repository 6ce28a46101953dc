"""Limits how many messages and values of an attempt are recorded."""

from collections.abc import Hashable
from typing import Final

MAX_LOGS: Final = 10_000
"""Maximum number of recorded messages of one severity, and of values of metrics; further ones are only
counted."""


class Quota:
    """Admits up to `MAX_LOGS` records of each kind."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}

    def admits(self, kind: Hashable) -> bool:
        """Counts one more of a kind; returns whether to record it."""
        count = self._counts.get(kind, 0)
        self._counts[kind] = count + 1
        return count < MAX_LOGS
