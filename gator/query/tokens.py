"""Page and resume tokens: opaque to those who get them, checked when they come back.

Rule: a token is good only for the request that it was made for, apart from the size of the page and whether
more is waited for.
"""

import base64
import hashlib
import json
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from google.protobuf.message import Message

from gator.errors import UsageError

_MOST = 1 << 62
"""What a database counts with, and what is added to it, has room for."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-_MOST, le=_MOST)]
Shape = TypeVar("Shape")


class AfterCount(msgspec.Struct, frozen=True):
    """A place in a list that is made anew for each page."""

    after: Count


class AfterNode(msgspec.Struct, frozen=True):
    """A place in a list of nodes, as `gator.core.pages.Place` has it."""

    after: tuple[Number | str, str, Count]


def encode(request: Message, place: dict[str, Any]) -> str:
    """A token for going on with `request` at `place`."""
    text = json.dumps([digest(request), place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(request: Message, token: str, shape: type[Shape]) -> Shape | None:
    """The place in a token; None for the start. Raises UsageError for a token that was not made for this."""
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        # Refuses a lone surrogate too, which is no text.
        mark, place = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()))
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        # Errors of base64 are ValueErrors.
        raise UsageError("the token is not one that was given out: start again without it") from error
    if mark != digest(request):
        raise UsageError("the token belongs to another request: start again without it")
    try:
        return msgspec.convert(place, shape, str_keys=True)
    except msgspec.ValidationError as error:
        raise UsageError("the token is not one that was given out: start again without it") from error


def after_node(request: Message, token: str, *, is_text: bool) -> "list[int | str] | None":
    """The place in a list of nodes, which begins with what they are sorted by; None for the start.

    Raises UsageError.
    """
    place = decode(request, token, AfterNode)
    if place is None:
        return None
    if isinstance(place.after[0], str) != is_text:
        raise UsageError("the token is not one that was given out: start again without it")
    return list(place.after)


def digest(request: Message) -> str:
    """A short mark of a message, leaving out what says where to go on."""
    plain = type(request)()
    plain.CopyFrom(request)
    for field in ("page_token", "page_size", "resume_token", "follow"):
        if field in plain.DESCRIPTOR.fields_by_name:
            plain.ClearField(field)
    data = plain.SerializeToString(deterministic=True)
    return hashlib.blake2b(data, digest_size=6).hexdigest()
