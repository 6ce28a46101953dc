"""The parent's end of Attach, whatever carries it: one child from its Hello to its end. Imports no grpc.

Everything a child sends is checked against the table of roles before a handler sees it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Protocol

from gator import errors
from gator.link import roles
from gator.link.stream import ParentStream, Wake, end_tasks
from gator.v1 import attach_pb2

HELLO_SECONDS = 10.0
"""How long a stream may stay open without a Hello: until then nobody knows who it is."""
FLUSH_SECONDS = 5.0
"""How long a stream that ends waits for a slow child to take what is there for it."""


class ChildHandler(Protocol):
    """What a parent implements. The methods are called on the event loop and must not block.

    Errors of ours that they raise end the stream with the matching status.
    """

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Name of the user whose token it is, empty where tokens have none.

        Raises UnauthenticatedError unless the token is good for what the child claims to be.
        """
        ...

    def on_attached(self, child: "ChildLink") -> attach_pb2.Welcome:
        """A child is there; gives what it is told first. What is sent to `child` here follows that."""
        ...

    def on_message(self, child: "ChildLink", message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """A message that the role of the child allows and that is known.

        When an awaitable is given back nothing more is read from this child until it is done; so a child
        that floods is slowed down.
        """
        ...

    def on_detached(self, child: "ChildLink") -> None:
        """The stream is over, once for each `on_attached` that returned."""
        ...


class ChildLink:
    """A child that is attached, as its parent sees it."""

    def __init__(self, hello: attach_pb2.Hello, user: str = "") -> None:
        self.hello = hello
        """Who the child is."""
        self.user = user
        """Whose token it came with, as `authenticate` has it."""
        self._queue: deque[attach_pb2.AttachResponse] = deque()
        self._acks: dict[tuple[int, str], attach_pb2.AttachResponse] = {}
        self._wake = Wake()
        self._closing = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, response: attach_pb2.AttachResponse) -> None:
        """Queues a message and never blocks. Decisions go before acks, and a newer ack replaces an older.

        Do not change the message afterwards. Raises ProtocolError when the child's role does not take it.
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
        """Ends the stream after what is queued: with the status of an error of ours, or well."""
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
        """Reads and writes until either side ends the stream; raises what ended it."""
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
                # Marks an error as seen that came after the end.
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
    """Serves one child from its Hello to its end.

    Raises what the stream has to end with: ProtocolError, UnauthenticatedError, UnavailableError, or what a
    handler raised.
    """
    try:
        await _attend(handler, stream, token)
    except (errors.GatorError, errors.UserError) as error:
        # Where it was raised there may be a large message, which would stay as long as the error does.
        error.__context__ = None
        raise error.with_traceback(None) from None


async def _attend(handler: ChildHandler, stream: ParentStream, token: str) -> None:
    try:
        first = await asyncio.wait_for(stream.read(), HELLO_SECONDS)
    except TimeoutError as error:
        # It may have come, and waited for its turn.
        raise errors.UnavailableError(f"no hello within {HELLO_SECONDS:.0f}s: send it first") from error
    if first is None:
        return
    hello = roles.hello_of(first)
    child = ChildLink(hello, handler.authenticate(hello, token))
    # The link alone has it, so that a handler may put a smaller one in its place.
    del first, hello
    welcome = handler.on_attached(child)
    try:
        await stream.write(attach_pb2.AttachResponse(welcome=welcome))
        await child.converse(handler, stream)
    finally:
        handler.on_detached(child)
