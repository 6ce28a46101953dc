"""One request of HTTP and its response, for both kinds of calls.

Invariant: the body of the request is read only by `Body.read`.
"""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import Message

from gator.errors import ProtocolError
from gator_hub.web.asgi import Receive, Send, respond
from gator_hub.web.compression import GZIP, TooLargeError, compress, decompress
from gator_hub.web.connect.codecs import Codec, run_encoder
from gator_hub.web.connect.statuses import CallError, Status

_COMPRESSED: Final = 0b01
_END: Final = 0b10
_PREFIX: Final = struct.Struct(">BI")


class Body:
    """The body of a request, read once."""

    def __init__(self, receive: Receive, max_bytes: int, *, is_gzip: bool, is_stream: bool) -> None:
        self._receive, self._max = receive, max_bytes
        self._is_gzip, self._is_stream = is_gzip, is_stream
        self._was_read = asyncio.Event()

    async def read(self) -> bytes:
        """Returns the message of the request. Raises CallError, ProtocolError."""
        data = await self._read_all()
        self._was_read.set()
        is_gzip = self._is_gzip
        if self._is_stream:
            flags, data = _only_message(data)
            if flags & _COMPRESSED and not is_gzip:
                raise ProtocolError(
                    "the request is compressed: name the encoding in Connect-Content-Encoding"
                )
            is_gzip = bool(flags & _COMPRESSED)
        if not is_gzip:
            return data
        try:
            return decompress(data, self._max)
        except TooLargeError:
            raise self._too_large() from None
        except ValueError as error:
            raise ProtocolError(f"{error}: send it as in Content-Encoding") from error

    async def wait_for_disconnect(self) -> None:
        """Returns when the client has gone after the request was read."""
        await self._was_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _read_all(self) -> bytes:
        data = bytearray()
        prefix = _PREFIX.size if self._is_stream else 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise CallError(Status("canceled", "the client has gone"))
            data += event.get("body", b"")
            if len(data) > self._max + prefix:
                raise self._too_large()
            if not event.get("more_body"):
                return bytes(data)

    def _too_large(self) -> CallError:
        return CallError(Status("resource_exhausted", f"the request is larger than {self._max:,} bytes"))


def _only_message(data: bytes) -> tuple[int, bytes]:
    """Returns the flags and the bytes of the one message in a stream. Raises ProtocolError."""
    if len(data) >= _PREFIX.size:
        flags, size = _PREFIX.unpack_from(data)
        if len(data) == _PREFIX.size + size and not flags & ~_COMPRESSED:
            return flags, data[_PREFIX.size :]
    raise ProtocolError("the request is not exactly one message with its prefix: send one")


class UnaryResponse:
    """The response of a call with one message."""

    def __init__(self, send: Send, codec: Codec, *, gzip: bool) -> None:
        self._send, self._codec, self._gzip = send, codec, gzip
        self._is_sent = False

    async def write(self, message: Message) -> None:
        """Sends the message."""
        data, packed = await run_encoder(message, self._packed)
        headers = {"content-type": f"application/{self._codec.name}", "vary": "accept-encoding"}
        if packed is not None:
            headers["content-encoding"] = GZIP
        self._is_sent = True
        await respond(self._send, 200, headers, data if packed is None else packed)

    def _packed(self, message: Message) -> tuple[bytes, bytes | None]:
        data = self._codec.encode(message)
        return data, compress(data) if self._gzip else None

    async def finish(self, status: Status | None) -> None:
        """Sends the status of a failed call; has no effect after a message."""
        if self._is_sent:
            return
        status = status or Status("internal", "the call returned nothing")
        await respond(self._send, status.http, {"content-type": "application/json"}, status.as_bytes())


class StreamResponse:
    """The response of a call with any number of messages, each with a prefix."""

    def __init__(self, send: Send, codec: Codec, *, gzip: bool) -> None:
        self._send, self._codec, self._gzip = send, codec, gzip
        self._is_started = False

    async def write(self, message: Message) -> None:
        """Sends one message."""
        await self._start()
        await self._part(await run_encoder(message, self._packed))

    def _packed(self, message: Message) -> bytes:
        data = self._codec.encode(message)
        packed = compress(data) if self._gzip else None
        if packed is None:
            return _PREFIX.pack(0, len(data)) + data
        return _PREFIX.pack(_COMPRESSED, len(packed)) + packed

    async def finish(self, status: Status | None) -> None:
        """Sends the end of the stream, with the status of a failed call."""
        await self._start()
        end: Mapping[str, Any] = {} if status is None else {"error": status.as_json()}
        data = json.dumps(end).encode()
        await self._part(_PREFIX.pack(_END, len(data)) + data, is_last=True)

    async def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        headers = {"content-type": f"application/connect+{self._codec.name}"}
        if self._gzip:
            headers["connect-content-encoding"] = GZIP
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )

    async def _part(self, data: bytes, *, is_last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": not is_last})


Response = UnaryResponse | StreamResponse
