"""ParentService over gRPC, for any parent: the root, a daemon for its jobs' own processes, the hub.

What is said on the stream is decided in `session`; here is only the transport.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from gator import errors, rpc  # rpc imports grpc quietly

# isort: split
from grpc import aio

from gator.link.session import ChildHandler, ChildLink, attend
from gator.v1 import attach_pb2, parent_service_pb2_grpc

__all__ = ["ATTACH", "NAME", "ChildHandler", "ChildLink", "ParentServer", "parent_service"]

NAME = "gator.v1.ParentService"
ATTACH = f"/{NAME}/Attach"


class ParentServer:
    """Serves Attach for a handler."""

    def __init__(self, handler: ChildHandler) -> None:
        self._handler = handler

    async def Attach(  # noqa: N802 - the name is given by the schema
        self, request_iterator: AsyncIterator[attach_pb2.AttachRequest], context: Any
    ) -> None:
        """One child, from its Hello to its end. What it has to end with is raised: `rpc.serve` sends it."""
        stream = _ServerStream(context)
        try:
            await attend(self._handler, stream, rpc.token_of(context.invocation_metadata()))
        except _GoneError:
            # Nobody hears a status.
            return


def parent_service(handler: ChildHandler) -> rpc.Service:
    """ParentService as `rpc.serve` takes it.

    Attach asks its handler for the token, because what a token must be good for stands in the Hello: the
    `authenticate` of the server should let `ATTACH` through.
    """
    return rpc.Service(
        NAME, parent_service_pb2_grpc.add_ParentServiceServicer_to_server, ParentServer(handler)
    )


class _GoneError(errors.UnavailableError):
    """The child went away; any other UnavailableError is what its parent has to say to it."""


class _ServerStream:
    """The parent's end over gRPC."""

    def __init__(
        self, context: "aio.ServicerContext[attach_pb2.AttachRequest, attach_pb2.AttachResponse]"
    ) -> None:
        self._context = context

    async def read(self) -> attach_pb2.AttachRequest | None:
        try:
            request = await cast("Any", self._context).read()
        except (aio.BaseError, asyncio.InvalidStateError):
            return None
        return None if request is aio.EOF else request

    async def write(self, message: attach_pb2.AttachResponse) -> None:
        try:
            await self._context.write(message)
        except (aio.BaseError, asyncio.InvalidStateError) as error:
            raise _GoneError(f"the child is gone ({error})") from error
