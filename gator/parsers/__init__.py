"""Recognises messages of tools in the output of a job: their severity, place, code and text.

A parser is data: a list of entries, each with a pattern for the line in which a message begins. The built-in
parsers are the YAML files in `builtin/`; `compiled` is made from them.

Invariant: what is recognised depends on the bytes of a stream alone, never on where a read ended.
"""

from gator.parsers import percent
from gator.parsers.builtin_rules import rules_of
from gator.parsers.definition import MAX_TEXT, Entry, Recognised, entries_of
from gator.parsers.line_text import visible
from gator.parsers.rules import Rules
from gator.parsers.stream import StreamParser
from gator.parsers.words import words_of

__all__ = [
    "MAX_TEXT",
    "Entry",
    "Recognised",
    "Rules",
    "StreamParser",
    "entries_of",
    "percent",
    "rules_of",
    "visible",
    "words_of",
]
