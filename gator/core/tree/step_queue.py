"""Performs long work of a tree in bounded steps, so that one input never blocks the event loop."""

from collections import deque
from collections.abc import Iterator

from gator.core.tree.tier import Tier


class StepQueue:
    """Nodes to close, and tiers that may issue repeats. Closing comes first."""

    def __init__(self) -> None:
        self._closing: deque[Iterator[None]] = deque()
        self._awake: dict[Tier, None] = {}

    @property
    def is_closing(self) -> bool:
        """Whether nodes are still to be closed."""
        return bool(self._closing)

    def close_later(self, steps: Iterator[None]) -> None:
        """Adds the steps that close a node."""
        self._closing.append(steps)

    def wake(self, tier: Tier) -> None:
        """Adds a tier that may issue repeats."""
        self._awake[tier] = None

    def forget(self, tier: Tier) -> None:
        """Removes a tier that has ended."""
        self._awake.pop(tier, None)

    def run(self, budget: int) -> bool:
        """Performs at most `budget` steps; returns whether there are more."""
        while budget > 0 and (self._closing or self._awake):
            if self._closing:
                try:
                    next(self._closing[0])
                except StopIteration:
                    self._closing.popleft()
                budget -= 1
            else:
                tier = next(iter(self._awake))
                # Removed first, because a repeat that it issues may end immediately and wake it again.
                del self._awake[tier]
                issued = tier.issue(budget)
                if issued >= budget:
                    self._awake[tier] = None
                budget -= issued + 1
        return bool(self._closing or self._awake)
