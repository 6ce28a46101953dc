"""Converts the arguments of a client's functions into the values that it sends."""

import logging
import sys
from collections.abc import Iterator

from gator.enum_names import enum_value
from gator.v1 import common_pb2, event_pb2

SEVERITIES = ("debug", "info", "warning", "error", "critical")
KINDS = ("last", "sum", "min", "max", "mean")
PIECE_CHARACTERS = 100_000
"""Maximum length of the text of one message; a longer text becomes several messages."""
SHOWN_CHARACTERS = 140
"""Maximum length of a name or a string in an error."""


def text_of(what: str, value: object) -> str:
    """Returns a value that must be a str. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    return value


def number_of(what: str, value: object) -> float:
    """Returns a number of any type, such as Decimal or those of numpy, as a float.

    Raises TypeError for anything else, a string included, and ValueError for a number too large for a float.
    """
    if isinstance(value, str | bytes | bytearray):
        # float() accepts text, reads "1_0" as 10 and "nan" as a number.
        text = repr(value[:SHOWN_CHARACTERS])
        raise TypeError(f"{what} is a number, not the {type(value).__name__} {text}: convert it with float()")
    try:
        return float(value)  # pyright: ignore[reportArgumentType]
    except TypeError as error:
        raise TypeError(f"{what} is a number, not {type(value).__name__}") from error
    except OverflowError as error:
        raise ValueError(f"{what} is too large: a float holds at most {sys.float_info.max:.2g}") from error


def severity_of(word: str) -> common_pb2.Severity.ValueType:
    """Returns the severity of a word in any case; raises ValueError for another word."""
    if word.lower() not in SEVERITIES:
        raise ValueError(f"severity is one of {', '.join(SEVERITIES)}, not {word!r}")
    return enum_value(common_pb2.Severity, word)


def kind_of(word: str) -> event_pb2.MetricKind.ValueType:
    """Returns the kind of a metric of a word in any case; raises ValueError for another word."""
    if word.lower() not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, not {word!r}")
    return enum_value(event_pb2.MetricKind, word)


def severity_of_level(level: int) -> common_pb2.Severity.ValueType:
    """Returns the severity of a level of the standard `logging`."""
    steps = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    return severity_of(SEVERITIES[sum(level >= step for step in steps)])


def clean(text: str) -> str:
    """Returns text that can be sent: undecodable bytes as \\xNN, other lone surrogates as \\uNNNN."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def pieces(text: str) -> Iterator[str]:
    """Yields a string in parts that each fit into one message."""
    yield text[:PIECE_CHARACTERS]
    for start in range(PIECE_CHARACTERS, len(text), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS]
