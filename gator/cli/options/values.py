"""Durations, sizes and counts as values of options."""

from typing import Final

from gator.errors import OptionError
from gator.units import parse_duration, parse_size

NO_LIMIT: Final = ("none", "unlimited")
"""Values that mean no limit, as in a spec."""


def millis_of(text: str | None, option: str) -> int | None:
    """Returns a duration in milliseconds; None if the option was not given."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise OptionError(option, text, str(error)) from error


def bytes_of(text: str | None, option: str) -> int | None:
    """Returns a size in bytes; None if the option was not given."""
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise OptionError(option, text, str(error)) from error


def positive_or_default(value: int | None, option: str, default: int) -> int:
    """Returns a value that is not 0; the default for None."""
    if value == 0:
        raise OptionError(option, "0", "must be more than 0")
    return default if value is None else value


def count_of(text: str, option: str, minimum: int, maximum: int, *, none: int) -> int:
    """Returns a whole number within bounds; `none` for a word that means no limit."""
    if text.lower() in NO_LIMIT:
        return none
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not minimum <= number <= maximum:
        raise OptionError(
            option, text, f"must be a whole number from {minimum} to {maximum}, or none for no limit"
        )
    return number


def limit_millis_of(text: str, option: str) -> int:
    """Returns the time limit that an option gives, in milliseconds; 0 for no limit."""
    if text.lower() in NO_LIMIT:
        return 0
    millis = millis_of(text, option)
    if not millis:
        raise OptionError(option, text, "must be more than 0, or none for no limit")
    return millis
