"""Durations as users write them: `90`, `90s`, `1h30m`, `500ms`, `none`. All values are milliseconds."""

import re

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(rf"({_NUMBER}) *(ms|s|m|h|d) *")
_BARE = re.compile(_NUMBER)
_LARGEST = 2**53

EXAMPLE = "write it as 90, 90s, 1h30m or 500ms"


def parse(text: str) -> int:
    """Milliseconds of a duration; a bare number is seconds, `none` is 0.

    Raises ValueError with a fragment of a sentence.
    """
    wanted = text.strip().lower()
    if wanted == "none":
        return 0
    if _BARE.fullmatch(wanted):
        wanted += "s"
    total, position, smallest = 0.0, 0, _LARGEST
    while match := _PART.match(wanted, position):
        unit = _UNITS[match[2]]
        if unit >= smallest:
            break
        total, position, smallest = total + float(match[1]) * unit, match.end(), unit
    if not position or position < len(wanted):
        raise ValueError(f"'{text}' is not a duration: {EXAMPLE}")
    if total > _LARGEST:
        raise ValueError(f"'{text}' is too long: write none for no limit")
    return max(round(total), 1) if total else 0


def format_millis(millis: int) -> str:
    """A duration for people, exact and as short as can be: `1h30m`, `500ms`, `0s`."""
    parts: list[str] = []
    for unit, size in reversed(_UNITS.items()):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
