"""JSON with comments as YAML: what YAML lacks is replaced by blanks, so positions stay."""

import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?(?:\*/|\Z)|\t', re.DOTALL)

# An escaped backslash, or an escaped character beyond U+FFFF, which only JSON writes in two halves.
_ESCAPES: Final = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def without_comments(text: str) -> str:
    """Returns JSON without comments, and without tabs between its values, as YAML.

    Positions stay, but behind a character that JSON writes in two halves.
    """
    return _TOKEN.sub(_as_yaml, text)


def _as_yaml(token: "re.Match[str]") -> str:
    text = token[0]
    return _ESCAPES.sub(_joined, text) if text[0] == '"' else re.sub(r"[^\n]", " ", text)


def _joined(escape: "re.Match[str]") -> str:
    if escape[1] is None:
        return escape[0]
    high, low = int(escape[1], 16) - 0xD800, int(escape[2], 16) - 0xDC00
    return f"\\U{0x10000 + (high << 10) + low:08x}"
