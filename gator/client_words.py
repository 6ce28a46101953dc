"""Words and texts as a client sends them. Knows no connection."""

import logging
from collections.abc import Iterator

from gator.v1 import common_pb2, event_pb2

SEVERITIES = ("debug", "info", "warning", "error", "critical")
KINDS = ("last", "sum", "min", "max", "mean")
PIECE_CHARACTERS = 100_000
"""Longest text of one message; a longer one becomes several."""


def severity_of(word: str) -> common_pb2.Severity.ValueType:
    """The severity of a word in any case; raises ValueError for another word."""
    if word.lower() not in SEVERITIES:
        raise ValueError(f"severity is one of {', '.join(SEVERITIES)}, not {word!r}")
    return common_pb2.Severity.Value(f"SEVERITY_{word.upper()}")


def kind_of(word: str) -> event_pb2.MetricKind.ValueType:
    """The kind of a metric of a word in any case; raises ValueError for another word."""
    if word.lower() not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, not {word!r}")
    return event_pb2.MetricKind.Value(f"METRIC_KIND_{word.upper()}")


def severity_of_level(level: int) -> common_pb2.Severity.ValueType:
    """The severity of a level of the standard `logging`."""
    steps = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    return severity_of(SEVERITIES[sum(level >= step for step in steps)])


def clean(text: str) -> str:
    """Text that can be sent: undecodable bytes as \\xNN, other lone surrogates as \\uNNNN."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def pieces(text: str) -> Iterator[str]:
    """A text that is too long for one message, in several."""
    yield text[:PIECE_CHARACTERS]
    for start in range(PIECE_CHARACTERS, len(text), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS]
