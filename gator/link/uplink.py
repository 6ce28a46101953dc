"""The child's end of an Attach stream, for daemons and roots. An Uplink is one stream and is not reused.

One task writes the stream and one reads it. grpc is imported only to dial.
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
from gator.runtime import diagnostics
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from grpc import aio

__all__ = ["StoreView", "Uplink", "UplinkHandler"]


class UplinkHandler(Protocol):
    """Implemented by children. The methods are called on the event loop and must not block."""

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        """Handles the Welcome of the parent, which has accepted the child."""
        ...

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Handles a known message that the role may receive, except Subscribe and Ack."""
        ...

    def on_lost(self, error: Exception) -> None:
        """Handles the end of a stream before `finish` has returned.

        The error is UnavailableError if the parent is gone, and UnauthenticatedError or ProtocolError if
        the parent or this child refused.
        """
        ...


class Uplink:
    """One stream to a parent.

    `hello.store` names `store`, from which subscriptions are served; it is None if a child has no store.
    `channel` may be shared with other calls to the same peer; without it, one to `address` is opened. A
    `patient` child waits without limit for a parent that does not listen yet, so it must detect the death
    of its parent in another way.
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
        self._log = diagnostics.logger("link")
        if store is not None:
            self._producer.add_store(hello.store, store)

    def add_store(self, store_id: str, store: StoreView) -> None:
        """Adds a store to serve subscriptions from."""
        self._producer.add_store(store_id, store)

    def send(self, request: attach_pb2.AttachRequest) -> None:
        """Queues a control message ahead of all events and never blocks. Do not change it afterwards.

        Raises ProtocolError if the role may not send it.
        """
        self._producer.send(request)

    def on_commit(self, seq: int = 0) -> None:
        """Wakes the writing task after a commit; commits until it runs are sent as one batch."""
        del seq
        self._wake.set()

    @property
    def subscriptions(self) -> int:
        """Number of subscriptions that the parent has made on this stream."""
        return self._producer.subscriptions

    @property
    def acks(self) -> int:
        """Number of acks received on this stream."""
        return self._producer.acks

    @property
    def awaits_ack(self) -> bool:
        """Whether a sent batch is not acknowledged yet."""
        return self._producer.awaits_ack

    async def finish(self) -> None:
        """Sends all remaining messages, waits until all batches are acknowledged, and ends the stream.

        Returns when the stream has ended, even if it was lost, which is reported to the handler.
        """
        self._producer.draining = True
        self._wake.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Dials and serves the stream until it ends; reports a premature end to the handler."""
        async with _dial(self._address, self._token, self._channel, self._patient) as stream:
            await self.converse(stream)

    async def converse(self, stream: ChildStream) -> None:
        """Serves an open stream as `run` does."""
        try:
            error = await self._until_over(stream)
        finally:
            self._ended.set()
        if error is None and not self._finished.is_set():
            error = errors.UnavailableError("the parent ended the stream")
        try:
            if error is not None:
                if self._log is not None:
                    self._log.warning(
                        "the stream to %s is cut: %s: %s", self._address, type(error).__name__, error
                    )
                self._handler.on_lost(error)
        finally:
            # An error that its own frames hold would hold the connection until garbage is collected.
            del error

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
                # The status that reading raises is more precise than the failed write.
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
                # Other tasks run between pieces, so that a large store does not block the loop.
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
    """The child's end of a gRPC call."""

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
        """Records the first status: a write that fails while the call ends replaces it by INTERNAL.

        grpcio calls this once for each status and each callback.
        """
        if self._status is not None:
            return

        async def read_status() -> Any:
            return self._refused(
                await call.code(),
                await call.initial_metadata(),
                await call.trailing_metadata(),
                await call.details(),
            )

        # The call has ended, so nothing is awaited and one step completes the coroutine.
        reading = read_status()
        try:
            reading.send(None)
        except StopIteration as done:
            self._status = done.value
        finally:
            reading.close()
