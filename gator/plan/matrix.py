"""The combinations of a matrix, and the names of the repeats of the children of an array.

All instances of a child are numbered: repeats of one combination are consecutive, and combinations are in the
order of the spec, the last name varying fastest. An instance is only computed from its number when it is
needed, so a matrix of any size takes as little memory as its values.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final
from urllib.parse import quote, unquote

from msgspec import Struct
from msgspec.structs import replace

_PLAIN: Final = "._+-:@~"
"""Characters besides letters and digits that stand for themselves in the name of an instance."""
_IS_PLAIN: Final = re.compile(r"[A-Za-z0-9._+:@~-]*")


class Matrix(Struct, frozen=True, eq=False):
    """The combinations of an array, with the repeats of each."""

    names: tuple[str, ...]
    axes: tuple[tuple[str, ...], ...]
    """The values of each name; for rows those of all rows, in their order."""
    is_rows: bool
    kept: Sequence[int]
    """The numbers of the combinations among all, ascending; without those that are excluded."""
    starts: Sequence[int]
    """The number of the first instance of each combination, and the number of all instances at the end."""
    numbered: bool
    """Whether the name of an instance ends in the number of its repeat."""
    places: tuple[Mapping[str, int], ...]
    """The position of each value among those of its name; for rows only of the first name."""

    @property
    def total(self) -> int:
        """Number of all instances of a child."""
        return self.starts[-1]

    def combinations(self) -> Iterator[tuple[str, ...]]:
        """Yields the values of each combination."""
        return map(self._combination_of, self.kept)

    def values(self, index: int) -> dict[str, str]:
        """Returns the values of an instance by name."""
        number, _ = self._locate(index)
        return dict(zip(self.names, self._combination(number), strict=True))

    def repeat(self, index: int) -> int:
        """Returns the number of an instance among the repeats of its combination."""
        return self._locate(index)[1]

    def label(self, index: int) -> str:
        """Returns the name of an instance, as it stands in brackets: `test=a,mode=x,3`."""
        number, repeat = self._locate(index)
        return f"{self._name(number)},{repeat}" if self.numbered else self._name(number)

    def group_label(self, instances: range) -> str:
        """Returns the name of a combination by its instances: `test=a,mode=x`."""
        return self._name(self._locate(instances.start)[0])

    def find(self, label: str) -> range | None:
        """Returns the instances that a complete name means: one, or those of a combination; else None."""
        parts = label.split(",")
        repeat = int(parts.pop()) if self.numbered and parts[-1].isdecimal() else None
        given = {name: value for name, _, value in (part.partition("=") for part in parts)}
        shown = self.names[:1] if self.is_rows else self.names
        if len(given) != len(parts) or given.keys() != set(shown) or not all("=" in part for part in parts):
            return None
        place = self._place({name: unquote(value) for name, value in given.items()})
        if place is None:
            return None
        first, last = self.starts[place], self.starts[place + 1]
        if repeat is None:
            return range(first, last)
        return range(first + repeat, first + repeat + 1) if first + repeat < last else None

    def search(self, pattern: str) -> Iterator[int]:
        """Yields the instances that a pattern selects: values of some names, and a repeat: `test=a*,3`."""
        parts = [part for part in pattern.split(",") if part]
        repeats = [part for part in parts if "=" not in part]
        wanted = {part.partition("=")[0]: part.partition("=")[2] for part in parts if "=" in part}
        if (
            not wanted.keys() <= set(self.names)
            or len(repeats) > 1
            or (repeats and not _is_number(repeats[0]))
        ):
            return
        fits = [(self.names.index(name), _matcher(text)) for name, text in wanted.items()]
        chosen = [
            (at, {value for value in set(self.axes[at]) if fit.fullmatch(_encoded(value))})
            for at, fit in fits
        ]
        fits_number = _matcher(repeats[0]) if repeats else None
        for place, combination in enumerate(self.kept):
            values = self._combination_of(combination) if chosen else ()
            if not all(values[at] in meant for at, meant in chosen):
                continue
            first = self.starts[place]
            for index in range(first, self.starts[place + 1]):
                if fits_number is None or fits_number.fullmatch(str(index - first)):
                    yield index

    def first_with(self, is_meant: Mapping[str, frozenset[str]]) -> Iterator[int]:
        """Yields for each name the first instance that has one of these values."""
        for at, name in enumerate(self.names):
            values = is_meant.get(name)
            if not values:
                continue
            for place, combination in enumerate(self.kept):
                is_empty = self.starts[place] == self.starts[place + 1]
                if not is_empty and self._combination_of(combination)[at] in values:
                    yield self.starts[place]
                    break

    @property
    def max_label_bytes(self) -> int:
        """Maximum number of bytes of the name of an instance."""
        shown = self.names[:1] if self.is_rows else self.names
        size = sum(
            len(name) + 2 + max((len(_encoded(value)) for value in values), default=0)
            for name, values in zip(shown, self.axes, strict=False)
        )
        return size + len(str(self.total))

    def _locate(self, index: int) -> tuple[int, int]:
        """Returns the place of the combination of an instance, and the number of its repeat."""
        starts = self.starts
        if isinstance(starts, range):
            return divmod(index, starts.step)
        place = bisect_right(starts, index) - 1
        return place, index - starts[place]

    def _combination(self, place: int) -> tuple[str, ...]:
        return self._combination_of(self.kept[place])

    def _combination_of(self, number: int) -> tuple[str, ...]:
        if self.is_rows:
            return tuple(values[number] for values in self.axes)
        chosen: list[str] = []
        for values in reversed(self.axes):
            number, at = divmod(number, len(values))
            chosen.append(values[at])
        return tuple(reversed(chosen))

    def _name(self, place: int) -> str:
        values = self._combination(place)
        names = self.names[:1] if self.is_rows else self.names
        return ",".join(f"{name}={_encoded(value)}" for name, value in zip(names, values, strict=False))

    def _place(self, values: Mapping[str, str]) -> int | None:
        """Returns the place of a combination by the values that name it; None if there is none."""
        number = 0
        for name, places in zip(self.names, self.places, strict=False):
            at = places.get(values[name])
            if at is None:
                return None
            number = number * len(places) + at
        if isinstance(self.kept, range):
            return number
        place = bisect_right(self.kept, number) - 1
        return place if place >= 0 and self.kept[place] == number else None


def make(
    names: Sequence[str],
    axes: Sequence[Sequence[str]],
    *,
    is_rows: bool,
    exclude: Sequence[Mapping[str, str]],
    numbered: bool,
) -> Matrix:
    """Returns a matrix in which each combination has one repeat."""
    values = tuple(tuple(axis) for axis in axes)
    count = (len(values[0]) if values else 0) if is_rows else prod(map(len, values))
    kept: Sequence[int] = range(count)
    if exclude:
        gone = {number for rule in exclude for number in _matching(names, values, rule, is_rows=is_rows)}
        kept = array("Q", (number for number in range(count) if number not in gone))
    places = tuple({value: at for at, value in enumerate(axis)} for axis in values[: 1 if is_rows else None])
    return Matrix(tuple(names), values, is_rows, kept, range(len(kept) + 1), numbered, places)


def repeated(matrix: Matrix, counts: Sequence[int]) -> Matrix:
    """Returns a matrix with a number of repeats for each combination, or one number for all."""
    if len(counts) == 1 or len(set(counts)) == 1:
        times = counts[0]
        total = times * len(matrix.kept)
        none = array("Q", bytes(8 * (len(matrix.kept) + 1)))
        starts: Sequence[int] = range(0, total + times, times) if times else none
    else:
        starts = array("Q", [0])
        for count in counts:
            starts.append(starts[-1] + count)
    return replace(matrix, starts=starts)


def _matching(
    names: Sequence[str], axes: Sequence[Sequence[str]], rule: Mapping[str, str], *, is_rows: bool
) -> Iterator[int]:
    """Yields the numbers of the combinations that have all values of a rule."""
    if is_rows:
        at = [(names.index(name), value) for name, value in rule.items()]
        yield from (n for n in range(len(axes[0])) if all(axes[column][n] == value for column, value in at))
        return
    choices = [
        [n for n, value in enumerate(values) if name not in rule or rule[name] == value]
        for name, values in zip(names, axes, strict=True)
    ]
    for choice in product(*choices):
        number = 0
        for at, values in zip(choice, axes, strict=True):
            number = number * len(values) + at
        yield number


def _is_number(text: str) -> bool:
    return bool(text) and not text.strip("0123456789*")


def _matcher(pattern: str) -> re.Pattern[str]:
    """Returns the pattern of the encoded values that a string with `*` means."""
    return re.compile(".*".join(re.escape(_encoded(unquote(part))) for part in pattern.split("*")))


def _encoded(value: str) -> str:
    """Returns a value as it stands in the name of an instance."""
    # `quote` takes ten times as long, and nearly all values stay as they are.
    return value if _IS_PLAIN.fullmatch(value) else quote(value, safe=_PLAIN)
