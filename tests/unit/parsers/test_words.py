"""Words that lines are searched for, found from patterns."""

import re

import pytest

from gator.parsers.words import words_of


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"^ERROR: (?P<message>.*)$", ("error: ",)),
        (r"(?:warn|Warning): x", ("warn", "warning")),
        (r"^\d+ fai(?:led)? tests$", (" tests",)),
        (r"^[Ee]rror", ("rror",)),
        (r"^(?:a|b)$", ()),
        (r".*", ()),
        (r"(?:long word)+", ("long word",)),
        (r"(?:long word)*", ()),
        (r"(unclosed", ()),
    ],
)
def test_each_line_that_matches_contains_a_word(pattern: str, words: tuple[str, ...]) -> None:
    assert words_of(pattern) == words


def test_words_are_in_a_text_that_matches() -> None:
    pattern = r"^(?P<file>\S+):(?P<line>\d+): (?:fatal )?problem (?:found|seen)$"
    text = "a.c:3: fatal PROBLEM found"
    assert re.search(pattern, text.lower())
    assert any(word in text.lower() for word in words_of(pattern))
