"""The text of a line as patterns see it."""

import re

from gator.ansi import ANSI_PATTERN, BLANKS_PATTERN, UNFINISHED_PATTERN

BLANKS = " \t\r\v\f"
_ESCAPES = re.compile(ANSI_PATTERN.decode())
_BLANK = re.compile(f"{BLANKS_PATTERN.decode()}*(?:{UNFINISHED_PATTERN.decode()})?")
_BLANK_STARTS = f"{BLANKS}\x1b"


def visible(line: bytes) -> str:
    r"""Returns the text of a line as patterns see it.

    Escape sequences and blanks at its end are removed; of a progress bar, which overwrites itself after each
    `\r`, the last state remains.
    """
    text = line.decode("utf-8", "backslashreplace")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = text.rstrip(BLANKS)
    return text[text.rfind("\r") + 1 :] if "\r" in text else text


def is_blank(text: str) -> bool:
    """Returns whether a terminal shows nothing of the text of a line; such a line begins no message."""
    return not text or text.isspace() or (text[0] in _BLANK_STARTS and _BLANK.fullmatch(text) is not None)
