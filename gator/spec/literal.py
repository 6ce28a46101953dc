r"""Marks strings that nothing may be replaced in, because they were put in place of a name.

A marked text is enclosed in NUL characters, which no spec, argument or variable can contain. `$${{` is a
literal `${{` as well.

Invariant: what is marked is never interpreted again, wherever it is put.
"""

import re
from typing import Final

MARK: Final = "\0"
MARKED: Final = "\0[^\0]*\0"
"""Pattern of a marked text."""
MARKED_EMPTY: Final = "\0\0"
"""An empty marked text, which separates the texts around it."""
ESCAPED: Final = r"\$\$\{\{"
"""Pattern of a literal `${{` as a spec has it."""
_LITERAL: Final = re.compile(f"{MARKED}|{ESCAPED}")


def marked(text: str) -> str:
    """Returns a string with marks, or without them if it is empty."""
    return f"{MARK}{text}{MARK}" if text else ""


def literal(match_text: str) -> str:
    """Returns the text that a match of `MARKED` or `ESCAPED` stands for."""
    return match_text[1:-1] if match_text[0] == MARK else "${{"


def unmarked(text: str) -> str:
    """Returns a string without marks and with `$${{` as `${{`."""
    if MARK not in text and "$${{" not in text:
        return text
    return _LITERAL.sub(lambda match: literal(match[0]), text)
