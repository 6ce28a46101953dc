"""Prints messages and plain values as JSON, one value a line."""

import base64
import json
import re
import sys
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

from gator.enum_names import enum_name

if TYPE_CHECKING:
    from google.protobuf.message import Message

_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that JSON allows unescaped and a terminal would interpret."""


def print_json(value: Any) -> None:
    """Prints a message or plain values as one line of JSON."""
    from google.protobuf.message import Message

    plain = to_values(value) if isinstance(value, Message) else value
    sys.stdout.write(to_json(plain) + "\n")


def to_json(plain: Any) -> str:
    """Returns plain values as one line of JSON without control characters.

    Numbers that JSON lacks become the strings "NaN", "Infinity" and "-Infinity", as in protobuf's JSON.
    """
    try:
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(plain), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # DEL is the only unsafe character of ASCII.
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _finite(plain: Any) -> Any:
    """Returns plain values with strings in place of the numbers that JSON lacks."""
    if isinstance(plain, float):
        return plain if isfinite(plain) else {1: "Infinity", -1: "-Infinity"}.get(_sign(plain), "NaN")
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in cast("dict[str, Any]", plain).items()}
    if isinstance(plain, list | tuple):
        return [_finite(item) for item in cast("list[Any]", plain)]
    return plain


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def to_values(message: "Message") -> dict[str, Any]:
    """Returns a message as plain values, with every field.

    Enums are lower-case words without their prefix and null when unspecified, bytes are base64, and a
    message or optional value that is not set is null.
    """
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: "Message", field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): value[key] for key in sorted(value)}
    if field.is_repeated:
        return [_value(field, item) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return to_values(value)
    if field.enum_type is not None:
        return enum_name(field.enum_type, value) or None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
