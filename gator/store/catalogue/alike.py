"""Rows that say something about the same columns, put together: each such set has a statement of its own.

The rule: what is None is not said, and appears in no statement.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import attrgetter, itemgetter
from typing import Any

from gator.store.catalogue.rows import Row, columns_of

Said = tuple[bool, ...]
"""For each column of a row whether it is said."""
Values = tuple[Any, ...]


class Alike:
    """The rows of one type by what they say."""

    __slots__ = ("_columns", "_picks", "_values")

    def __init__(self, row: type[Row]) -> None:
        self._columns = columns_of(row)
        self._values: Callable[[Row], Values] = attrgetter(*self._columns)
        self._picks: dict[Said, Callable[[Values], Values]] = {}

    def columns(self, said: Said) -> list[str]:
        """Names of the columns that are said."""
        return list(compress(self._columns, said))

    def groups(self, rows: Iterable[Row]) -> Iterable[tuple[Said, Sequence[Values]]]:
        """Each set of columns, with the values that the rows have in them."""
        alike: dict[Said, list[Values]] = {}
        for values in map(self._values, rows):
            alike.setdefault(tuple([value is not None for value in values]), []).append(values)
        for said, some in alike.items():
            pick = self._picks.get(said)
            if pick is None:
                # A row has a key of one column at least and something that is said of it.
                pick = self._picks[said] = itemgetter(*compress(range(len(said)), said))
            yield said, list(map(pick, some))
