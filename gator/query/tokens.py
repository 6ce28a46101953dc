"""Page and resume tokens: opaque to those who get them, checked when they come back.

Rule: a token is good only for the request that it was made for, apart from the size of the page and whether
more is waited for.
"""

import base64
import binascii
import hashlib
import json
from typing import Any

from google.protobuf.message import Message

from gator.errors import UsageError


def encode(request: Message, place: dict[str, Any]) -> str:
    """A token for going on with `request` at `place`."""
    text = json.dumps([digest(request), place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(request: Message, token: str) -> dict[str, Any] | None:
    """The place in a token; None for the start. Raises UsageError for a token that was not made for this."""
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        mark, place = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, binascii.Error, TypeError) as error:
        raise UsageError("the token is not one that was given out: start again without it") from error
    if mark != digest(request) or not isinstance(place, dict):
        raise UsageError("the token belongs to another request: start again without it")
    return place  # pyright: ignore[reportUnknownVariableType] - JSON


def digest(request: Message) -> str:
    """A short mark of a message, leaving out what says where to go on."""
    plain = type(request)()
    plain.CopyFrom(request)
    for field in ("page_token", "page_size", "resume_token", "follow"):
        if field in plain.DESCRIPTOR.fields_by_name:
            plain.ClearField(field)
    data = plain.SerializeToString(deterministic=True)
    return hashlib.blake2b(data, digest_size=6).hexdigest()
