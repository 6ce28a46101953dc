"""Page and resume tokens: opaque to clients, and checked when clients return them.

Invariant: a token is valid only for the request that it was made for; page size and waiting may differ.
"""

import base64
import hashlib
import json
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from google.protobuf.message import Message

from gator.errors import UsageError

_MAX_COUNT = 1 << 62
"""Maximum number in a token: SQL integers hold it and what is added to it."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MAX_COUNT)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-_MAX_COUNT, le=_MAX_COUNT)]
Shape = TypeVar("Shape")


class AfterCount(msgspec.Struct, frozen=True):
    """A position in a list that is computed anew for each page."""

    after: Count


class AfterNode(msgspec.Struct, frozen=True):
    """A position in a list of nodes, see `gator.core.pages.PageKey`."""

    after: tuple[Number | str, str, Count]


def encode(request: Message, position: dict[str, Any]) -> str:
    """Returns a token that continues `request` at `position`."""
    text = json.dumps([digest(request), position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(request: Message, token: str, shape: type[Shape]) -> Shape | None:
    """Returns the position in a token; None for the start. Raises UsageError for a foreign token."""
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        # This also refuses lone surrogates.
        mark, position = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()))
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        # Errors of base64 are ValueErrors.
        raise UsageError("the token is invalid: start again without it") from error
    if mark != digest(request):
        raise UsageError("the token belongs to another request: start again without it")
    try:
        return msgspec.convert(position, shape, str_keys=True)
    except msgspec.ValidationError as error:
        raise UsageError("the token is invalid: start again without it") from error


def after_node(request: Message, token: str, *, is_text: bool) -> "list[int | str] | None":
    """Returns the position in a list of nodes, which begins with their sort value; None for the start.

    Raises UsageError for a foreign token.
    """
    position = decode(request, token, AfterNode)
    if position is None:
        return None
    if isinstance(position.after[0], str) != is_text:
        raise UsageError("the token is invalid: start again without it")
    return list(position.after)


def digest(request: Message) -> str:
    """Returns a digest of a request without its page size and token."""
    plain = type(request)()
    plain.CopyFrom(request)
    for field in ("page_token", "page_size", "resume_token", "follow"):
        if field in plain.DESCRIPTOR.fields_by_name:
            plain.ClearField(field)
    data = plain.SerializeToString(deterministic=True)
    return hashlib.blake2b(data, digest_size=6).hexdigest()
