"""The rules for the output of a job: those of the parsers that it names, then those of all built-in ones."""

from collections.abc import Iterable
from functools import lru_cache

from gator.parsers.definition import entries_of
from gator.parsers.rules import Rules
from gator.v1 import spec_pb2

TAP_LINE = r"^(?:ok\b|1\.\.\d|TAP version )"
"""Pattern of the lines that make a stream TAP, apart from failed tests, which are messages."""


def rules_of(parsers: Iterable[spec_pb2.Parser]) -> Rules:
    """Returns the rules for a job with these named parsers, whose entries come first.

    Jobs with the same parsers share them, because compiling takes milliseconds.
    """
    return _rules(tuple(parser.SerializeToString(deterministic=True) for parser in parsers))


@lru_cache(maxsize=64)
def _rules(parsers: tuple[bytes, ...]) -> Rules:
    from gator.parsers.compiled import ENTRIES, WORDS

    named = [spec_pb2.Parser.FromString(data) for data in parsers]
    own = [entry for parser in named for entry in entries_of(parser)]
    words = (word for entry in own for word in entry.words)
    return Rules([*own, *ENTRIES], (*WORDS, *words), own=len(own), others=[TAP_LINE])
