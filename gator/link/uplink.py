"""The child's end of Attach for daemons and roots. One Uplink is one stream; after a cut a new one is made.

One task writes the stream and one reads it. Imports grpc only when it dials.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from gator import errors
from gator.link import roles
from gator.link.message_parts import parts_of
from gator.link.producer import Producer, StoreView
from gator.link.stream import ChildStream, Wake, end_tasks
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from grpc import aio

__all__ = ["StoreView", "Uplink", "UplinkHandler"]


class UplinkHandler(Protocol):
    """What a child implements. The methods are called on the event loop and must not block."""

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        """The parent accepted the child."""
        ...

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """A message that the role allows and that is known; Subscribe and Ack are served without asking."""
        ...

    def on_lost(self, error: Exception) -> None:
        """The stream ended before `finish` was through: UnavailableError when the parent is gone,
        UnauthenticatedError or ProtocolError when it or this child refused."""
        ...


class Uplink:
    """One stream to a parent.

    `hello.store` names `store`, from which subscriptions are served; a child without a store gives None.
    `channel` may be shared with other calls to the same peer; else one is made at `address`. A `patient`
    child waits for a parent that does not listen yet, for ever; its death it has to learn in another way.
    """

    def __init__(
        self,
        address: str,
        hello: attach_pb2.Hello,
        token: str,
        store: StoreView | None,
        handler: UplinkHandler,
        *,
        channel: "aio.Channel | None" = None,
        patient: bool = False,
    ) -> None:
        self._address = address
        self._patient = patient
        self._hello = hello
        self._token = token
        self._handler = handler
        self._channel = channel
        self._wake = Wake()
        self._producer = Producer(hello.role, self._wake.set)
        self._finished = asyncio.Event()
        self._ended = asyncio.Event()
        if store is not None:
            self._producer.add_store(hello.store, store)

    def add_store(self, store_id: str, store: StoreView) -> None:
        """Serves subscriptions from one more store."""
        self._producer.add_store(store_id, store)

    def send(self, request: attach_pb2.AttachRequest) -> None:
        """Queues a control message, ahead of all events, and never blocks. Do not change it afterwards.

        Raises ProtocolError when the role does not allow it.
        """
        self._producer.send(request)

    def on_commit(self, seq: int = 0) -> None:
        """A store has come further. What gathers until the writing task is free goes as one batch."""
        del seq
        self._wake.set()

    @property
    def subscriptions(self) -> int:
        """Number of subscriptions that the parent has made on this stream."""
        return self._producer.subscriptions

    @property
    def acks(self) -> int:
        """Number of acks that came on this stream."""
        return self._producer.acks

    @property
    def awaits_ack(self) -> bool:
        """Whether something that was sent was not acknowledged yet."""
        return self._producer.awaits_ack

    async def finish(self) -> None:
        """Sends what is left, waits until all batches are acked, and ends the stream.

        Returns when the stream is over, also when it is lost on the way (the handler is told).
        """
        self._producer.draining = True
        self._wake.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Dials and serves the stream until it is over; tells the handler if that was too early."""
        async with _dial(self._address, self._token, self._channel, self._patient) as stream:
            await self.converse(stream)

    async def converse(self, stream: ChildStream) -> None:
        """As `run`, over a stream that is there already."""
        try:
            error = await self._until_over(stream)
        finally:
            self._ended.set()
        if error is None and not self._finished.is_set():
            error = errors.UnavailableError("the parent ended the stream")
        if error is not None:
            self._handler.on_lost(error)

    async def _until_over(self, stream: ChildStream) -> Exception | None:
        reader: asyncio.Task[None] | None = None
        writer: asyncio.Task[None] | None = None
        try:
            await self._send(stream, attach_pb2.AttachRequest(hello=self._hello))
            first = await stream.read()
            if first is None:
                return errors.UnavailableError("the parent ended the stream before its welcome")
            welcome = roles.welcome_of(first)
            self._producer.expected = welcome.subscriptions
            self._handler.on_welcome(welcome)
            reader = asyncio.create_task(self._read(stream))
            writer = asyncio.create_task(self._write(stream))
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if writer.done() and not reader.done() and writer.exception() is not None:
                # Reading gives the status, which says more than the failed write.
                await asyncio.wait({reader}, timeout=1.0)
            if not reader.done() and writer.exception() is not None:
                await writer
            await reader
        except (errors.GatorError, errors.UserError) as error:
            return error
        finally:
            await end_tasks(*(task for task in (reader, writer) if task is not None))
        return None

    async def _read(self, stream: ChildStream) -> None:
        role = self._hello.role
        while (response := await stream.read()) is not None:
            match roles.check_response(role, response):
                case None:
                    continue
                case "subscribe":
                    self._producer.subscribe(response.subscribe)
                case "ack":
                    self._producer.ack(response.ack)
                case _:
                    self._handler.on_message(response)

    async def _write(self, stream: ChildStream) -> None:
        producer = self._producer
        clock = asyncio.get_running_loop().time
        while True:
            request = producer.next_message(clock())
            if request is not None:
                await self._send(stream, request)
            elif producer.read_some(clock()):
                # One piece at a time, so that a long store does not hold up the loop.
                await asyncio.sleep(0)
            elif producer.draining and producer.is_drained:
                self._finished.set()
                await stream.done_writing()
                return
            else:
                await self._wake.wait(producer.seconds_to_wait(clock()))

    async def _send(self, stream: ChildStream, request: attach_pb2.AttachRequest) -> None:
        if self._hello.role != attach_pb2.ROLE_ROOT:
            await stream.write(request)
            return
        for part in parts_of(request):
            await stream.write(part)


@asynccontextmanager
async def _dial(
    address: str, token: str, channel: "aio.Channel | None", patient: bool
) -> AsyncGenerator[ChildStream]:
    from gator.rpc.channel import bearer, open_channel
    from gator.v1 import parent_service_pb2_grpc

    own = None
    if channel is None:
        own = channel = open_channel(address)
    try:
        attach = parent_service_pb2_grpc.ParentServiceStub(channel).Attach
        call = attach(metadata=bearer(token), wait_for_ready=patient)
        try:
            yield _CallStream(call)
        finally:
            call.cancel()
    finally:
        if own is not None:
            await own.close()


class _CallStream:
    """The child's end over gRPC."""

    def __init__(self, call: Any) -> None:
        from grpc import aio

        from gator.rpc import status

        self._call = call
        self._status: aio.AioRpcError | None = None
        call.add_done_callback(self._on_done)
        self._end = aio.EOF
        self._refused = aio.AioRpcError
        self._broken = (aio.BaseError, asyncio.InvalidStateError)
        self._error_of = status.error_of_call

    async def read(self) -> attach_pb2.AttachResponse | None:
        response = await self._guarded(self._call.read())
        return None if response is self._end else response

    async def write(self, message: attach_pb2.AttachRequest) -> None:
        await self._guarded(self._call.write(message))

    async def done_writing(self) -> None:
        await self._guarded(self._call.done_writing())

    async def _guarded(self, operation: Any) -> Any:
        try:
            return await operation
        except self._refused as error:
            raise self._error_of(self._status or error) from error
        except self._broken as error:
            raise errors.UnavailableError(f"the parent is gone ({error})") from error

    def _on_done(self, call: Any) -> None:
        """Keeps the status as it came: a write that fails while the call ends puts INTERNAL in its place."""

        async def look() -> Any:
            return self._refused(
                await call.code(),
                await call.initial_metadata(),
                await call.trailing_metadata(),
                await call.details(),
            )

        # What is asked for is there, so nothing waits: one step comes to the end.
        looking = look()
        try:
            looking.send(None)
        except StopIteration as done:
            self._status = done.value
        finally:
            looking.close()
