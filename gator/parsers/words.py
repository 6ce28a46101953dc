"""Finds short strings that every line recognised by a pattern contains."""

import re
from collections.abc import Iterable
from typing import Any, Final

# The parser of `re` has no public name. Without it, and for a pattern that it cannot read, there are no
# words, and lines are searched for with the pattern itself.
_parser: Any = getattr(re, "_parser", None)

MIN_CHARACTERS: Final = 3
"""Minimum length of a word; shorter ones would be found in too many lines."""


def words_of(pattern: str) -> tuple[str, ...]:
    """Returns words in lower case: each line that the pattern matches contains one; empty if none."""
    try:
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, AttributeError):
        return ()
    return tuple(sorted(_best(parsed) or ()))


def shortest_words(words: Iterable[str]) -> tuple[str, ...]:
    """Returns the words that contain no other one, sorted: a line with any of `words` has one of them."""
    kept: list[str] = []
    for word in sorted(set(words), key=len):
        if not any(other in word for other in kept):
            kept.append(word)
    return tuple(sorted(kept))


def _best(items: Iterable[Any]) -> frozenset[str] | None:
    """Returns the best set of words of a sequence; None if it has none."""
    choices: list[frozenset[str]] = []
    run: list[str] = []
    for item in items:
        name, value = str(item[0]), item[1]
        if name == "LITERAL" and 32 <= value < 128:
            run.append(chr(value))
            continue
        _end_run(run, choices)
        words = _words(name, value)
        if words:
            choices.append(words)
    _end_run(run, choices)
    return max(choices, key=lambda words: (min(map(len, words)), -len(words)), default=None)


def _words(name: str, value: Any) -> frozenset[str] | None:
    match name:
        case "SUBPATTERN":
            return _best(value[3])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _best(value[2]) if value[0] else None
        case "BRANCH":
            branches = [_best(branch) for branch in value[1]]
            return frozenset[str]().union(*filter(None, branches)) if all(branches) else None
        case _:
            return None


def _end_run(run: list[str], words: list[frozenset[str]]) -> None:
    text = "".join(run).lower()
    run.clear()
    if len(text) >= MIN_CHARACTERS and any(character.isalnum() or character in "*_%" for character in text):
        words.append(frozenset({text}))
