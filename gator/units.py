"""Durations, sizes and counts as strings, in both directions.

Invariant: a string that Gator shows for a duration or a size is one that it accepts in a spec or an option.
"""

import re
import signal
from collections.abc import Sequence
from typing import Final

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_PART: Final = re.compile(rf"({_NUMBER}) *(ms|s|m|h|d) *")
_BARE: Final = re.compile(_NUMBER)
_MAX_MILLIS: Final = 2**53
_MAX_HOURS: Final = 48
"""From this number of hours on, a span is shown in days."""

SIZE_UNITS: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
"""Number of bytes of each unit, by its name in capitals."""
SIZE_UNIT_NAMES: Final = ("B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB")
_SIZE: Final = re.compile(r"(0x[0-9a-f]+|[0-9]+(?:\.[0-9]+)?) *([a-z]*)", re.IGNORECASE)
_MAX_BYTES: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|([0-9]+))")
_MAX_DIGITS: Final = 40
"""Maximum number of digits of an integer; longer ones are beyond every range."""


def parse_integer(text: str) -> int | None:
    """Returns a whole number, decimal or `0x`; None if the text is not one.

    A number with more than 40 digits is returned as 10**40 with its sign, which is beyond every range.
    """
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    sign = -1 if match[1] == "-" else 1
    if len(match[2] or match[3]) > _MAX_DIGITS:
        return sign * 10**_MAX_DIGITS
    return sign * (int(match[2], 16) if match[2] else int(match[3]))


def parse_duration(text: str) -> int:
    """Returns the milliseconds of a duration such as `90s` or `1h30m`.

    A bare number is in seconds; `none` is 0. Raises ValueError that says what the text must be.
    """
    written = text.strip().lower()
    if written == "none":
        return 0
    if _BARE.fullmatch(written):
        written += "s"
    total, position, smallest = 0.0, 0, _MAX_MILLIS
    while match := _PART.match(written, position):
        unit = _UNITS[match[2]]
        if unit >= smallest:
            break
        total, position, smallest = total + float(match[1]) * unit, match.end(), unit
    if not position or position < len(written):
        raise ValueError("must be a duration such as 90s, 1h30m or 500ms")
    if total > _MAX_MILLIS:
        raise ValueError("must be a shorter duration, or none for no limit")
    return max(round(total), 1) if total else 0


def duration_text(millis: int) -> str:
    """Returns a duration exactly and in the shortest form: `1h30m`, `500ms`, `0s`."""
    parts: list[str] = []
    for unit, size in reversed(_UNITS.items()):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def limit_text(nanos: int) -> str:
    """Returns a limit in seconds, minutes and hours: `0.5s`, `1m30s`, `36h`."""
    seconds = nanos / 1e9
    if seconds < 60:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{n}{unit}" for n, unit in parts if n)


def span(nanos: int) -> str:
    """Returns a measured time in at most two units: `0.42s`, `12.3s`, `4m05s`, `2h07m`, `3d04h`."""
    seconds = nanos / 1e9
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    return f"{seconds:.1f}s" if seconds < 59.95 else whole_span(seconds)


def whole_span(seconds: float) -> str:
    """Returns a time that still runs, in whole seconds: `0s`, `12s`, `4m05s`, `2h07m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < _MAX_HOURS:
        return f"{hours}h{minutes:02}m"
    return f"{hours // 24}d{hours % 24:02}h"


def parse_size(text: str, unit: str = "MB") -> int:
    """Returns the bytes of a size such as `2GB` or `1.5 GiB`.

    `unit` is the unit of a bare number, in any case. Raises ValueError that says what the text must be.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a size such as 2GB, 1.5GiB or 512")
    factor = SIZE_UNITS.get((match[2] or unit).upper())
    if factor is None:
        raise ValueError(f"must have one of the units {', '.join(SIZE_UNIT_NAMES)}")
    number = match[1].lower()
    if number.startswith("0x"):
        total = int(number, 16) * factor
    else:
        whole, _, fraction = number.partition(".")
        # In integers, because a float cannot hold 0.1 TB or 9 PB exactly.
        total = (int(whole + fraction) * factor) // 10 ** len(fraction)
    if total > _MAX_BYTES:
        raise ValueError("must be a smaller size")
    return total


def size_text(size_bytes: int) -> str:
    """Returns a number of bytes in decimal units, as every command prints it: `1.5 GB`."""
    value = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.4g} {unit}"
        value /= 1000
    return f"{value:.4g} TB"


def plural(number: int, noun: str) -> str:
    """Returns a count with its noun: `1 job`, `3 jobs`, `2,000 jobs`."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def some_of(items: Sequence[str], maximum: int = 5) -> str:
    """Returns a list for a sentence: `a, b`, or with more than `maximum` items `a, b and 1,200 more`."""
    shown = ", ".join(items[:maximum])
    return shown if len(items) <= maximum else f"{shown} and {len(items) - maximum:,} more"


_TIMES: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}


def converted(value: float, unit: str, other: str) -> float | None:
    """Returns a value in another unit, which is the same unit if it is empty; None if that is impossible."""
    if unit == other or not other:
        return value
    if unit in _TIMES and other in _TIMES:
        return value * _TIMES[unit] / _TIMES[other]
    before, after = SIZE_UNITS.get(unit.upper()), SIZE_UNITS.get(other.upper())
    return value * before / after if before and after else None


def signal_name(number: int) -> str:
    """Returns a signal with its name: `11 (SIGSEGV)`."""
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
