"""Suggests the correct name for a misspelled one, if there is one within two edits."""

from collections.abc import Iterable

_SHORT = 4


def nearest(wrong: str, names: Iterable[str]) -> str | None:
    """Returns the name that differs least from `wrong`; None if all differ by more than two edits."""
    lower = wrong.lower()
    allowed = 1 if len(lower) <= _SHORT else 2
    best: str | None = None
    for name in sorted(names):
        if abs(len(name) - len(lower)) > allowed:
            continue
        slips = _distance(lower, name.lower())
        if slips <= allowed and slips < len(lower):
            best, allowed = name, slips - 1
    return best


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """Returns `: did you mean 'NAME'?`, or an empty string if no name is similar."""
    name = nearest(wrong, names)
    return f": did you mean '{name}'?" if name is not None else ""


def _distance(word: str, other: str) -> int:
    """Returns the number of edits between two strings; swapped neighbours are one edit."""
    two_above: list[int] = []
    above = list(range(len(other) + 1))
    for i, a in enumerate(word):
        row = [i + 1]
        for j, b in enumerate(other):
            cost = min(above[j + 1] + 1, row[j] + 1, above[j] + (a != b))
            if i and j and a == other[j - 1] and b == word[i - 1]:
                cost = min(cost, two_above[j - 1] + 1)
            row.append(cost)
        two_above, above = above, row
    return above[-1]
