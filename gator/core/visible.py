r"""Cleans text that Gator formats: characters that could change a terminal are escaped, as `\x1b`.

Invariant: a cleaned line is one line, does not move the cursor and reads from left to right.
"""

import re
from contextlib import suppress
from functools import cache
from typing import Final

from gator.ansi import ANSI_PATTERN, UNFINISHED_PATTERN
from gator.core.text import readable

_UNSAFE: Final = "\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Controls (C0 and C1 except tab), line separators, and marks that change the text direction."""
_SGR: Final = r"\x1b\[[0-9;:]*m"
_RESET: Final = "\x1b[0m"
_HARMLESS: Final = bytes([9, *range(32, 127)])
_NEVER_UNSAFE: Final = bytes(
    n for n in range(256) if n == 10 or n in _HARMLESS or (n > 0x7F and n not in (0xC2, 0xD8, 0xE2))
)
"""Bytes that occur in the UTF-8 form of no unsafe character."""
_NAMED: Final = {"\n": "\\n", "\r": "\\r"}


def visible(text: str) -> str:
    r"""Returns a string as one line; with control characters escaped as `\n`, `\xNN` or `\uNNNN`."""
    return text if text.isprintable() else _pattern(f"[{_UNSAFE}]").sub(_escaped, text)


def visible_styled(text: str, codes: str = "[0-9;:]*") -> str:
    """Returns a string as one line, with its colours; they are reset at its end.

    `codes` is a regular expression for the codes (SGR, ECMA-48) that may stay; others are escaped.
    """
    if text.isprintable():
        return text
    keep = rf"\x1b\[(?:{codes})m"
    shown = _pattern(rf"{keep}|[{_UNSAFE}]").sub(_kept_or_escaped, text)
    last = shown.rfind("\x1b")
    return shown if last < 0 or shown.startswith(_RESET, last) else shown + _RESET


def visible_lines(data: bytes, *, colours: bool) -> str:
    r"""Returns lines of a program, each cleaned by `visible_line`, with their line ends."""
    # A flood of harmless lines must not cost a Python step per line.
    with suppress(UnicodeDecodeError):
        text = data.decode()
        if not data.translate(None, _NEVER_UNSAFE) or not _pattern(f"(?!\n)[{_UNSAFE}]").search(text):
            return text
    lines = data.split(b"\n")
    return "\n".join(visible_line(line, colours=colours) for line in lines)


def visible_line(line: bytes, *, colours: bool, whole: bool = False) -> str:
    r"""Returns what a terminal finally shows of a line.

    Escape sequences are removed, except colours if wanted; other controls are escaped. For a line that
    overwrites itself after each `\r` the last non-blank state is returned, unless `whole`.
    """
    if not line.translate(None, _HARMLESS):
        return line.decode("ascii")
    text = readable(line.removesuffix(b"\r"))
    if "\r" in text and not whole:
        states = text.split("\r")
        while len(states) > 1 and not _without_escapes(states[-1]).strip():
            del states[-1]
        text = states[-1]
    if "\x1b" not in text:
        return visible(text)
    return visible_styled(_without_escapes(text, keep=_SGR)) if colours else visible(_without_escapes(text))


def _without_escapes(text: str, keep: str = "(?!)") -> str:
    """Returns the text without escape sequences, except those that match `keep`."""
    ansi = f"{ANSI_PATTERN.decode()}|{UNFINISHED_PATTERN.decode()}\\Z"
    return _pattern(f"({keep})|{ansi}").sub(lambda match: match[1] or "", text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _kept_or_escaped(match: re.Match[str]) -> str:
    return match[0] if len(match[0]) > 1 else _escaped(match)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
