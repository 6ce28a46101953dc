"""The percent-encoding of workflow commands: only characters with a meaning in a command are encoded."""

import re
from functools import cache
from typing import Final

_ENCODED: Final = {"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C", " ": "%20", "\t": "%09"}
_DECODED: Final = {code: character for character, code in _ENCODED.items()}


def encode_value(value: str) -> str:
    """Returns a value in which the characters that have a meaning in a command are encoded."""
    return _pattern(r"[%\r\n:, \t]").sub(lambda match: _ENCODED[match[0]], value)


def decode_value(value: str) -> str:
    """Returns a decoded value. Other percent signs stay as they are."""
    if "%" not in value:
        return value
    return _pattern(r"%(?:25|0[dDaA9]|3[aA]|2[cC0])").sub(lambda match: _DECODED[match[0].upper()], value)


def encode_text(text: str) -> str:
    """Returns a string in which percent signs and line ends are encoded."""
    return _pattern(r"[%\r\n]").sub(lambda match: _ENCODED[match[0]], text)


def decode_text(text: str) -> str:
    """Returns a decoded text. Other percent signs stay as they are."""
    if "%" not in text:
        return text
    return _pattern(r"%(?:25|0[dDaA])").sub(lambda match: _DECODED[match[0].upper()], text)


def with_properties(groups: dict[str, str]) -> dict[str, str]:
    """Returns the groups of an annotation with its properties, `key=value,key=value`, as fields, decoded."""
    decoded = {"message": decode_text(groups.get("message", ""))}
    for item in groups["properties"].split(","):
        key, _, value = item.strip().partition("=")
        name = _FIELDS.get(key)
        if name is not None:
            decoded[name] = decode_value(value)
    return decoded


_FIELDS: Final = {"file": "file", "line": "line", "col": "column"}
"""Fields of a message by the names of properties."""


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Returns the compiled pattern; most jobs end without needing it."""
    return re.compile(pattern)
