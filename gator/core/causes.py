"""Failures put together by their cause, as far as signatures tell.

The rule: one example of each cause is kept, however many failures there are.
"""

from typing import Generic, TypeVar

from msgspec import Struct

from gator.core.amounts import plural

FEW = 5
"""So many failures are told one by one; of more the causes are."""
_MOST_EXAMPLES = 1000

Example = TypeVar("Example")


class Cause(Struct, Generic[Example]):
    """Failures with one signature."""

    signature: str
    example: Example
    """The first of them."""
    count: int = 0


class Causes(Generic[Example]):
    """The causes of failures; examples are kept of the first 1,000 of them."""

    __slots__ = ("_causes", "_others", "number")

    def __init__(self) -> None:
        self.number = 0
        """Of the failures."""
        self._causes: dict[str, Cause[Example]] = {}
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._causes) + len(self._others)

    def add(self, signature: str, example: Example) -> None:
        """Count a failure."""
        self.number += 1
        cause = self._causes.get(signature)
        if cause is None:
            if len(self._causes) == _MOST_EXAMPLES:
                self._others.add(signature)
                return
            cause = self._causes[signature] = Cause(signature, example)
        cause.count += 1

    def headline(self) -> str:
        """`37 failures, 3 causes`."""
        return f"{plural(self.number, 'failure')}, {plural(len(self), 'cause')}"

    def by_frequency(self) -> list[Cause[Example]]:
        """The causes of which there is an example, the most frequent first and else the first seen."""
        return sorted(self._causes.values(), key=lambda cause: -cause.count)
