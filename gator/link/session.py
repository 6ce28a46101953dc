"""The parent's end of an Attach stream, independent of the transport. Imports no grpc.

Invariant: each message of a child is checked against the table of roles before a handler gets it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Protocol

from gator import errors
from gator.link import roles
from gator.link.stream import ParentStream, Wake, end_tasks
from gator.runtime import diagnostics
from gator.v1 import attach_pb2

HELLO_SECONDS = 10.0
"""Timeout of the Hello, in seconds, because a stream without it is not authenticated."""
FLUSH_SECONDS = 5.0
"""Timeout for sending queued messages to a slow child when its stream ends, in seconds."""


class ChildHandler(Protocol):
    """Implemented by parents. The methods are called on the event loop and must not block.

    A GatorError or UserError that they raise ends the stream with the matching status.
    """

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Returns the name of the token's user; empty if tokens have none.

        Raises UnauthenticatedError unless the token is valid for the role and node of the Hello.
        """
        ...

    def on_attached(self, child: "ChildLink") -> attach_pb2.Welcome:
        """Registers a child and returns its Welcome. Messages sent to `child` here follow the Welcome."""
        ...

    def on_message(self, child: "ChildLink", message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """Handles a known message that the role of the child may send.

        If it returns an awaitable, no further message of this child is read until that is done. This slows
        a flooding child down.
        """
        ...

    def on_detached(self, child: "ChildLink") -> None:
        """Unregisters a child at the end of its stream; called once for each `on_attached` that returned."""
        ...


class ChildLink:
    """An attached child, as its parent sees it."""

    def __init__(self, hello: attach_pb2.Hello, user: str = "") -> None:
        self.hello = hello
        """Identity of the child."""
        self.user = user
        """User of its token, as returned by `authenticate`."""
        self._queue: deque[attach_pb2.AttachResponse] = deque()
        self._acks: dict[tuple[int, str], attach_pb2.AttachResponse] = {}
        self._wake = Wake()
        self._closing = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, response: attach_pb2.AttachResponse) -> None:
        """Queues a message and never blocks. Acks follow all others, and a newer ack replaces an older one.

        Do not change the message afterwards. Raises ProtocolError if it may not be sent to the child's role.
        """
        name = roles.check_response(self.hello.role, response)
        if name == "ack":
            self._acks[response.ack.subscription, response.ack.position.store] = response
        elif name == "record_ack":
            self._acks[0, ""] = response
        else:
            self._queue.append(response)
        self._wake.set()

    def close(self, error: Exception | None = None) -> None:
        """Ends the stream after the queued messages, with the status of an error if one is given."""
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    async def _write(self, stream: ParentStream) -> None:
        while not self._closing:
            await self._wake.wait()
            await self._flush(stream)

    async def _flush(self, stream: ParentStream) -> None:
        while self._queue or self._acks:
            await stream.write(
                self._queue.popleft() if self._queue else self._acks.pop(next(iter(self._acks)))
            )

    async def converse(self, handler: ChildHandler, stream: ParentStream) -> None:
        """Reads and writes until either side ends the stream. Raises the error that ended it."""
        reader = asyncio.create_task(self._read(handler, stream))
        writer = asyncio.create_task(self._write(stream))
        try:
            await asyncio.wait({reader, writer, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if writer.done():
                await writer
            if reader.done():
                await reader
            self._closing = True
            self._wake.set()
            await asyncio.wait({writer}, timeout=FLUSH_SECONDS)
            if self._ended.done():
                self._ended.result()
        finally:
            await end_tasks(reader, writer)
            if self._ended.done() and not self._ended.cancelled():
                # Marks an error after the end as retrieved, which asyncio would report otherwise.
                self._ended.exception()

    async def _read(self, handler: ChildHandler, stream: ParentStream) -> None:
        role = self.hello.role
        while (request := await stream.read()) is not None:
            if roles.check_request(role, request) is None:
                continue
            pause = handler.on_message(self, request)
            if pause is not None:
                await pause


async def attend(handler: ChildHandler, stream: ParentStream, token: str) -> None:
    """Serves one child from its Hello to the end of its stream.

    Raises the error to end the stream with: ProtocolError, UnauthenticatedError, UnavailableError, or an
    error of the handler.
    """
    try:
        await _attend(handler, stream, token)
    except (errors.GatorError, errors.UserError) as error:
        if (log := diagnostics.logger("link")) is not None:
            log.warning("a stream ends with %s: %s", type(error).__name__, error)
        # The frames of the traceback may hold a large message for as long as the error lives.
        error.__context__ = None
        raise error.with_traceback(None) from None


async def _attend(handler: ChildHandler, stream: ParentStream, token: str) -> None:
    try:
        first = await asyncio.wait_for(stream.read(), HELLO_SECONDS)
    except TimeoutError as error:
        # A Hello may have arrived and waited for its turn to be read.
        raise errors.UnavailableError(f"no hello within {HELLO_SECONDS:.0f}s: send it first") from error
    if first is None:
        return
    hello = roles.hello_of(first)
    child = ChildLink(hello, handler.authenticate(hello, token))
    # Only the link refers to it, so that a handler may replace it with a smaller one.
    del first, hello
    welcome = handler.on_attached(child)
    try:
        await stream.write(attach_pb2.AttachResponse(welcome=welcome))
        await child.converse(handler, stream)
    finally:
        handler.on_detached(child)
