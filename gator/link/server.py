"""ParentService over gRPC, for any parent: the root, a daemon for its jobs' own processes, the hub.

What is said on the stream is decided in `session`; here is only the transport.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol, cast

from gator import errors, rpc  # rpc imports grpc quietly

# isort: split
import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from gator.link.session import ChildHandler, ChildLink, attend
from gator.v1 import attach_pb2, parent_service_pb2

__all__ = ["ATTACH", "NAME", "ChildHandler", "ChildLink", "Intake", "ParentServer", "parent_service"]

NAME: str = parent_service_pb2.DESCRIPTOR.services_by_name["ParentService"].full_name
ATTACH = f"/{NAME}/Attach"


class Intake(Protocol):
    """Bounds what a parent holds of the messages of all its children."""

    async def take(self, size_bytes: int) -> None:
        """A message has come, and is not unpacked before this returns."""
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
        stream = _ServerStream(context, self._intake)
        try:
            await attend(self._handler, stream, rpc.token_of(context.invocation_metadata()))
        except _GoneError:
            # Nobody hears a status.
            return
        finally:
            stream.close()


def parent_service(handler: ChildHandler, intake: Intake | None = None) -> rpc.Service:
    """ParentService as `rpc.serve` takes it.

    Attach asks its handler for the token, because what a token must be good for stands in the Hello: the
    `authenticate` of the server should let `ATTACH` through.
    """
    return rpc.Service(NAME, _add, ParentServer(handler, intake))


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
        self, context: "aio.ServicerContext[bytes, attach_pb2.AttachResponse]", intake: Intake | None
    ) -> None:
        self._context, self._intake = context, intake
        self._held = 0

    async def read(self) -> attach_pb2.AttachRequest | None:
        # Whoever reads on has handled what came before.
        self.close()
        try:
            data = await cast("Any", self._context).read()
        except (aio.BaseError, asyncio.InvalidStateError):
            return None
        if data is aio.EOF:
            return None
        if self._intake is not None:
            await self._intake.take(len(data))
            self._held = len(data)
        try:
            return attach_pb2.AttachRequest.FromString(data)
        except DecodeError as error:
            raise errors.ProtocolError("what came is no message of this service") from error

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
