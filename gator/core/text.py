"""Decodes the output of programs for display.

Invariant: any bytes give a string, and invalid ones are shown instead of dropped.
"""

import re
from functools import cache

from gator.ansi import ANSI_PATTERN, BLANKS_PATTERN, UNFINISHED_PATTERN

# No possessive repeat of a group: if it fails midway, `re` before 3.11.5 continues at a wrong position.
BLANKS_AND_ANSI_PATTERN = rb"(?:" + BLANKS_PATTERN + rb"++|" + ANSI_PATTERN + rb")*"
BLANK_LINE_PATTERN = BLANKS_AND_ANSI_PATTERN + rb"(?:" + UNFINISHED_PATTERN + rb")?(?=\n|\Z)"
"""Matches a line that shows nothing on a terminal, without its line end. Counting of messages and
classification of lines share this pattern."""

_ANSI_AT_END = ANSI_PATTERN + rb"|" + UNFINISHED_PATTERN + rb"\Z"

MAX_CHARACTERS = 1000
"""Maximum length of a message in a Result."""

_BLANKS = b" \t\r\v\f\n"


def readable(data: bytes) -> str:
    r"""Returns the text of `data`; NULs and bytes that are not UTF-8 become `\xNN`."""
    return without_nul(data.decode("utf-8", "backslashreplace"))


def without_nul(text: str) -> str:
    r"""Returns a string with each NUL as `\x00`: hub databases cannot store NUL; all readers must agree."""
    return text.replace("\0", "\\x00") if "\0" in text else text


def is_blank(line: bytes) -> bool:
    """Returns whether a terminal shows nothing of a line; such a line is not a message."""
    return _pattern(BLANK_LINE_PATTERN).match(line) is not None


def clean(line: bytes) -> str:
    r"""Returns what a terminal finally shows of a line, stripped of whitespace.

    Escape sequences are removed. For a progress bar, which overwrites itself after each `\r`, the last
    non-blank state remains. Empty only for a line that `is_blank`.
    """
    line = line.rstrip(b"\n")
    if b"\x1b" in line:
        line = _pattern(_ANSI_AT_END).sub(b"", line)
    line = line.strip(_BLANKS)
    return readable(line[line.rfind(b"\r") + 1 :].lstrip(_BLANKS))


def cut(text: str, maximum: int = MAX_CHARACTERS) -> str:
    """Returns `text` cut to `maximum` characters, the last one then being an ellipsis."""
    return text if len(text) <= maximum else text[: maximum - 1] + "…"


MAX_VALUE = 300
"""Maximum length of a quoted value, such as an option's, that an error repeats in full."""
_MAX_WORD = 1000
_MAX_ERROR = 4000
"""Maximum lengths of an unquoted word and of a whole error. Paths and commands may be long."""


def shorten_values(text: str) -> str:
    """Returns an error in which long values are cut to their first 100 characters and their length."""
    if len(text) <= MAX_VALUE:
        return text
    text = re.sub(
        rf"(['\"])(.{{{MAX_VALUE},}}?)\1", lambda value: f"{value[1]}{_head(value[2])}{value[1]}", text
    )
    text = re.sub(rf"\S{{{_MAX_WORD},}}(?<![:,;])", lambda word: _head(word[0]), text)
    return text if len(text) <= _MAX_ERROR else f"{text[: _MAX_ERROR // 2]} … {text[-_MAX_ERROR // 4 :]}"


def _head(value: str) -> str:
    return f"{value[:100]}… ({len(value):,} characters)"


@cache
def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    """Returns the compiled pattern; most jobs end without needing it."""
    return re.compile(pattern)
