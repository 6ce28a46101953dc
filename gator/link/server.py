"""ParentService over gRPC, for any parent: a root, a daemon and the processes of its jobs, a hub.

This module is the transport; `session` is the protocol.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, Protocol, cast

from gator import errors
from gator.rpc.auth import token_of  # rpc imports grpc quietly
from gator.rpc.channel import MAX_MESSAGE_BYTES
from gator.rpc.server import Service

# isort: split
import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from gator.link.message_parts import is_part
from gator.link.session import ChildHandler, ChildLink, attend
from gator.rpc.limits import ConnectionQuota, FairSemaphore
from gator.v1 import attach_pb2, parent_service_pb2

__all__ = ["ATTACH", "NAME", "ChildHandler", "ChildLink", "Intake", "ParentServer", "parent_service"]

NAME: str = parent_service_pb2.DESCRIPTOR.services_by_name["ParentService"].full_name
ATTACH = f"/{NAME}/Attach"


PART_SECONDS = 10.0
"""Timeout of the remaining parts of a message, in seconds after its first part."""


class Intake(Protocol):
    """Bounds the memory that a parent uses for messages of all its children."""

    streams: ConnectionQuota
    """Limits the streams of each token."""
    joining: FairSemaphore
    """Limits the messages in parts that are received at a time, fairly among tokens."""
    max_message_bytes: int
    """Maximum size of a message with all its parts."""

    async def take(self, size_bytes: int) -> int:
        """Waits until there is memory to parse a received message. Returns the number of bytes to release."""
        ...

    def give(self, size_bytes: int) -> None:
        """Releases the memory of a handled message."""
        ...


class ParentServer:
    """Serves Attach for a handler."""

    def __init__(self, handler: ChildHandler, intake: Intake | None = None) -> None:
        self._handler, self._intake = handler, intake

    async def Attach(self, _: AsyncIterator[bytes], context: Any) -> None:  # noqa: N802 - as in the schema
        """Serves one child. Raises the error to end the call with, whose status the server sends."""
        token = token_of(context.invocation_metadata())
        stream = _ServerStream(context, self._intake, token)
        with ExitStack() as slot:
            if self._intake is not None:
                slot.enter_context(self._intake.streams.of(token))
            try:
                await attend(self._handler, stream, token)
            except _GoneError:
                # The child is gone, so no status can be sent.
                return
            finally:
                stream.close()


def parent_service(handler: ChildHandler, intake: Intake | None = None) -> Service:
    """Returns ParentService for `gator.rpc.server.serve`.

    Attach checks the token itself, because the Hello says what the token must be valid for. So the
    `authenticate` of the server should accept calls of `ATTACH`.
    """
    return Service(NAME, _add, ParentServer(handler, intake))


def _add(server: ParentServer, to: Any) -> None:
    """Adds the service as generated code does, except that requests are received as bytes."""
    make: Any = grpc.stream_stream_rpc_method_handler
    handlers = {"Attach": make(server.Attach, None, attach_pb2.AttachResponse.SerializeToString)}
    to.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


class _GoneError(errors.UnavailableError):
    """The child went away. Any other UnavailableError is sent to the child."""


class _ServerStream:
    """The parent's end of a gRPC call."""

    def __init__(
        self,
        context: "aio.ServicerContext[bytes, attach_pb2.AttachResponse]",
        intake: Intake | None,
        token: str,
    ) -> None:
        self._context, self._intake, self._token = context, intake, token
        self._held = 0
        self._role: attach_pb2.Role.ValueType | None = None

    async def read(self) -> attach_pb2.AttachRequest | None:
        # The caller reads the next message only after it has handled the previous one.
        self.close()
        data = await self._receive()
        if data is None:
            return None
        # Parts from other roles are refused by the table of roles.
        if not is_part(data) or self._role not in (None, attach_pb2.ROLE_ROOT):
            return await self._take(data)
        if self._intake is None:
            whole = await self._join(data, MAX_MESSAGE_BYTES)
            return None if whole is None else await self._take(whole)
        async with self._intake.joining.of(self._token):
            try:
                whole = await asyncio.wait_for(self._join(data, self._intake.max_message_bytes), PART_SECONDS)
            except TimeoutError as error:
                raise errors.UnavailableError(
                    f"the rest of a message did not arrive within {PART_SECONDS:.0f}s: connect again"
                ) from error
            return None if whole is None else await self._take(whole)

    async def _receive(self) -> bytes | None:
        try:
            data = await cast("Any", self._context).read()
        except (aio.BaseError, asyncio.InvalidStateError):
            return None
        return None if data is aio.EOF else data

    async def _join(self, data: bytes | None, max_bytes: int) -> bytes | None:
        """Returns a message, given its first part; None if the stream ends before its last part."""
        whole = bytearray()
        while data is not None:
            request = _unpacked(data)
            if request.WhichOneof("message") != "part":
                raise errors.ProtocolError("the parts of a message must follow each other")
            whole += request.part.data
            if len(whole) > max_bytes:
                raise errors.ProtocolError(f"a message with all its parts is limited to {max_bytes} bytes")
            if not request.part.more:
                return bytes(whole)
            data = await self._receive()
        return None

    async def _take(self, data: bytes) -> attach_pb2.AttachRequest:
        """Returns the parsed message once there is memory for it."""
        if self._intake is not None:
            self._held = await self._intake.take(len(data))
        request = _unpacked(data)
        if self._role is None:
            self._role = request.hello.role
        if self._intake is not None and request.ByteSize() < len(data):
            # A field occurred twice; the bytes of its first value would be held as long as the message.
            return _unpacked(request.SerializeToString())
        return request

    def close(self) -> None:
        """Releases the memory of the last message."""
        held, self._held = self._held, 0
        if held and self._intake is not None:
            self._intake.give(held)

    async def write(self, message: attach_pb2.AttachResponse) -> None:
        try:
            await self._context.write(message)
        except (aio.BaseError, asyncio.InvalidStateError) as error:
            raise _GoneError(f"the child is gone ({error})") from error


def _unpacked(data: bytes) -> attach_pb2.AttachRequest:
    try:
        return attach_pb2.AttachRequest.FromString(data)
    except DecodeError as error:
        raise errors.ProtocolError("the request is not a message of this service") from error
