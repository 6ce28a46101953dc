"""The encodings of messages: binary and JSON."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import Message
from msgspec import Struct

from gator.errors import ProtocolError

_LARGE_BYTES: Final = 16 * 1024
"""Size from which a message is encoded on a thread, so that the event loop does not wait for it."""


class Codec(Struct, frozen=True):
    """One encoding, by its name in content types."""

    name: str
    decode: Callable[[bytes, type[Message]], Message]
    """Raises DecodeError, ProtocolError."""
    encode: Callable[[Message], bytes]


def _from_binary(data: bytes, kind: type[Message]) -> Message:
    return kind.FromString(data)


def _from_json(data: bytes, kind: type[Message]) -> Message:
    try:
        # An empty body is an empty message, for requests by hand.
        return json_format.Parse(data.decode() or "{}", kind())
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise ProtocolError(f"the request is not a {kind.DESCRIPTOR.full_name}: {error}") from error


def _to_binary(message: Message) -> bytes:
    return message.SerializeToString()


def _to_json(message: Message) -> bytes:
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode()


BINARY: Final = Codec("proto", _from_binary, _to_binary)
JSON: Final = Codec("json", _from_json, _to_json)
CODECS: Final = {codec.name: codec for codec in (BINARY, JSON)}


async def run_encoder(message: Message, encode: Callable[[Message], Any]) -> Any:
    """Returns the result of `encode`, which runs on a thread if the message is large."""
    if message.ByteSize() < _LARGE_BYTES:
        return encode(message)
    return await asyncio.to_thread(encode, message)
