"""ParentService over gRPC, for any parent: the root, a daemon for its jobs' own processes, the hub.

What is said on the stream is decided in `session`; here is only the transport.
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
"""How long the rest of a message may take to come after its first part."""


class Intake(Protocol):
    """Bounds what a parent holds of the messages of all its children."""

    streams: ConnectionQuota
    """Who may have a stream, by tokens."""
    joining: FairSemaphore
    """Who may send a message in parts, by tokens."""
    most_message_bytes: int
    """No message has more, all its parts together."""

    async def take(self, size_bytes: int) -> int:
        """A message has come, and is not unpacked before this returns: how many bytes to give back."""
        ...

    def give(self, size_bytes: int) -> None:
        """It was handled; what its handler holds of it is the handler's affair."""
        ...


class ParentServer:
    """Serves Attach for a handler."""

    def __init__(self, handler: ChildHandler, intake: Intake | None = None) -> None:
        self._handler, self._intake = handler, intake

    async def Attach(self, _: AsyncIterator[bytes], context: Any) -> None:  # noqa: N802 - as in the schema
        """One child, from its Hello to its end. What it has to end with is raised: `rpc.serve` sends it."""
        token = token_of(context.invocation_metadata())
        stream = _ServerStream(context, self._intake, token)
        with ExitStack() as place:
            if self._intake is not None:
                place.enter_context(self._intake.streams.of(token))
            try:
                await attend(self._handler, stream, token)
            except _GoneError:
                # Nobody hears a status.
                return
            finally:
                stream.close()


def parent_service(handler: ChildHandler, intake: Intake | None = None) -> Service:
    """ParentService as `rpc.serve` takes it.

    Attach asks its handler for the token, because what a token must be good for stands in the Hello: the
    `authenticate` of the server should let `ATTACH` through.
    """
    return Service(NAME, _add, ParentServer(handler, intake))


def _add(server: ParentServer, to: Any) -> None:
    """As the generated one, but for messages that come as bytes."""
    make: Any = grpc.stream_stream_rpc_method_handler
    handlers = {"Attach": make(server.Attach, None, attach_pb2.AttachResponse.SerializeToString)}
    to.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


class _GoneError(errors.UnavailableError):
    """The child went away; any other UnavailableError is what its parent has to say to it."""


class _ServerStream:
    """The parent's end over gRPC."""

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
        # Whoever reads on has handled what came before.
        self.close()
        data = await self._receive()
        if data is None:
            return None
        # Of those that may send none they are refused as they are.
        if not is_part(data) or self._role not in (None, attach_pb2.ROLE_ROOT):
            return await self._take(data)
        if self._intake is None:
            whole = await self._join(data, MAX_MESSAGE_BYTES)
            return None if whole is None else await self._take(whole)
        async with self._intake.joining.of(self._token):
            try:
                whole = await asyncio.wait_for(
                    self._join(data, self._intake.most_message_bytes), PART_SECONDS
                )
            except TimeoutError as error:
                raise errors.UnavailableError(
                    f"the rest of a message did not come within {PART_SECONDS:.0f}s: dial again"
                ) from error
            return None if whole is None else await self._take(whole)

    async def _receive(self) -> bytes | None:
        try:
            data = await cast("Any", self._context).read()
        except (aio.BaseError, asyncio.InvalidStateError):
            return None
        return None if data is aio.EOF else data

    async def _join(self, data: bytes | None, most_bytes: int) -> bytes | None:
        """A message, from its first part on; None when the stream ends before."""
        whole = bytearray()
        while data is not None:
            request = _unpacked(data)
            if request.WhichOneof("message") != "part":
                raise errors.ProtocolError("the parts of a message come one after the other")
            whole += request.part.data
            if len(whole) > most_bytes:
                raise errors.ProtocolError(f"a message has at most {most_bytes} bytes, in all its parts")
            if not request.part.more:
                return bytes(whole)
            data = await self._receive()
        return None

    async def _take(self, data: bytes) -> attach_pb2.AttachRequest:
        """The message, as soon as there is room for what it becomes."""
        if self._intake is not None:
            self._held = await self._intake.take(len(data))
        request = _unpacked(data)
        if self._role is None:
            self._role = request.hello.role
        if self._intake is not None and request.ByteSize() < len(data):
            # Something was said twice; what is not seen any more would be held as long as the rest.
            return _unpacked(request.SerializeToString())
        return request

    def close(self) -> None:
        """Nothing is held any more."""
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
        raise errors.ProtocolError("what came is no message of this service") from error
