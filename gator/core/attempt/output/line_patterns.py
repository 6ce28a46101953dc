"""Finds the lines of output that a pattern of the spec matches.

Invariant: lines are matched as a terminal shows them, without escape sequences and blanks at their end.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from gator.parsers import Entry, Rules, visible, words_of


class MatchedLine(Struct, frozen=True):
    """A line that a pattern matches."""

    number: int
    """Its number in its stream, from 1."""
    text: str
    match: "re.Match[str]"


def matched_lines(pattern: str, first_line: int, data: bytes) -> Iterator[MatchedLine]:
    """Yields the lines of `data` that match; they begin in line `first_line`."""
    rules = _rules_of(pattern)
    following = rules.candidates(data)
    start, number, counted = 0, first_line, 0
    while (at := following(start)) >= 0:
        begin = data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        end = end if end >= 0 else len(data)
        start = end + 1
        text = visible(data[begin:end])
        if (match := rules.find(text)) is not None:
            number += data.count(b"\n", counted, begin)
            counted = begin
            yield MatchedLine(number, text, match[1])


@lru_cache(maxsize=1000)
def _rules_of(pattern: str) -> Rules:
    """Returns the compiled pattern, which the attempts of all repeats share."""
    return Rules([Entry(parser="", match=pattern, words=words_of(pattern))])
