"""A server that many use: what it reads of whom, and for how long it waits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gator import errors
from gator.rpc import status
from gator.rpc.auth import ServerLimits
from gator.rpc.channel import bearer, channel_options
from gator.rpc.server import Server, Service, serve
from tests.component.link.fakes import until

LARGEST = 64 * 1024
PAGE = 4 * 1024 * 1024


class Library:
    """Lends pages that are larger than what a stream holds by itself."""

    def __init__(self) -> None:
        self.asked = 0
        self.ended = 0

    async def page(self, request: bytes, context: Any) -> bytes:
        self.asked += 1
        if request == b"small":
            return b"small"
        context.add_done_callback(self._on_done)
        return bytes(PAGE)

    async def pages(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        self.asked += 1
        context.add_done_callback(self._on_done)
        while True:
            yield bytes(PAGE)

    def _on_done(self, context: Any) -> None:
        del context
        self.ended += 1

    def read(self, request: bytes) -> bytes:
        if request == b"garbage":
            raise rpc_decode_error()
        return request


def rpc_decode_error() -> Exception:
    try:
        health_pb2.HealthCheckRequest.FromString(b"\xff")
    except Exception as error:
        return error
    raise AssertionError


def add_library(library: Library, server: aio.Server) -> None:
    handlers: dict[str, Any] = {
        "Page": grpc.unary_unary_rpc_method_handler(
            cast("Any", library.page), request_deserializer=library.read
        ),
        "Pages": grpc.unary_stream_rpc_method_handler(cast("Any", library.pages)),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Library", handlers),))


def known(method: str, token: str) -> None:
    del method
    if not token:
        raise errors.UnauthenticatedError("a token is missing")


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
async def server(library: Library, folder: Path) -> AsyncIterator[Server]:
    server = await serve(
        [Service("test.Library", add_library, library)],
        address=f"unix:{folder / 'e'}",
        authenticate=known,
        server_limits=ServerLimits(
            message_bytes=LARGEST,
            calls=3,
            calls_per_token=2,
            request_timeout_seconds=0.5,
            max_unread_bytes=2 * PAGE,
            watches=3,
            watches_per_token=2,
        ),
    )
    yield server
    await server.stop()


ADA, BOB = bearer("ada"), bearer("bob")


def dial(server: Server) -> aio.Channel:
    """A channel that takes in little of what was not asked for yet."""
    options = (*channel_options(server.address), ("grpc.http2.bdp_probe", 0))
    return aio.insecure_channel(server.address, options=options)


def page(channel: Any) -> Any:
    return channel.unary_unary("/test.Library/Page")


def unread(channel: aio.Channel, request: bytes, method: str = "Page") -> Any:
    """A call whose answer is only read when that is asked for."""
    call = cast("Any", channel.stream_stream(f"/test.Library/{method}"))(metadata=ADA)

    async def ask() -> None:
        await call.write(request)
        await call.done_writing()

    return call, ask


async def error_of(call: Any) -> Exception:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return status.error_of_call(caught.value)


async def test_nothing_is_read_of_who_has_no_token(server: Server, library: Library) -> None:
    async with dial(server) as channel:
        # The reader finds that it is too large.
        assert isinstance(await error_of(page(channel)(bytes(2 * LARGEST))), errors.UnauthenticatedError)
    assert library.asked == 0


async def test_a_message_that_is_too_large_is_the_fault_of_who_sent_it(
    server: Server, library: Library
) -> None:
    async with dial(server) as channel:
        error = await error_of(page(channel)(bytes(2 * LARGEST), metadata=ADA))
        assert isinstance(error, errors.ProtocolError)
        assert "larger than max" in str(error)
        assert await page(channel)(b"small", metadata=ADA) == b"small"
    assert library.asked == 1


async def test_a_request_that_is_not_a_message_is_refused_as_such(server: Server) -> None:
    async with dial(server) as channel:
        error = await error_of(page(channel)(b"garbage", metadata=ADA))
        assert isinstance(error, errors.ProtocolError)
        assert str(error) == "the request is not a message of this service"


async def test_who_takes_no_answers_has_the_turns_of_nobody_else_and_none_for_long(
    server: Server, library: Library
) -> None:
    async with dial(server) as channel, dial(server) as other:
        calls = [unread(channel, b"large") for _ in range(3)]
        for _, ask in calls:
            await ask()
        await until(lambda: library.asked == 2)
        # One waits for its turn, and there is a turn that is not for him.
        assert await page(other)(b"small", metadata=BOB) == b"small"
        await until(lambda: library.asked == 4)
        for call, _ in calls:
            call.cancel()


@pytest.mark.parametrize("method", ["Page", "Pages"])
async def test_who_takes_no_answers_may_not_ask_on(server: Server, library: Library, method: str) -> None:
    async with dial(server) as channel:
        calls = [unread(channel, b"large", method) for _ in range(2)]
        for _, ask in calls:
            await ask()
        assert "clients with this token do not read their responses" in str(await refusal(channel))
        assert await page(channel)(b"small", metadata=BOB) == b"small"
        # Once one is gone, all is as before.
        calls[0][0].cancel()
        await until(lambda: library.ended == 1)
        assert await page(channel)(b"small", metadata=ADA) == b"small"
        calls[1][0].cancel()


async def test_who_takes_his_answer_late_has_it_and_may_ask_again(server: Server, library: Library) -> None:
    async with dial(server) as channel:
        (call, ask), (other, ask_too) = (unread(channel, b"large") for _ in range(2))
        await ask()
        await ask_too()
        assert "do not read their responses" in str(await refusal(channel))
        assert len(await call.read()) == PAGE
        assert await call.code() == grpc.StatusCode.OK
        assert await page(channel)(b"small", metadata=ADA) == b"small"
        other.cancel()


async def refusal(channel: Any) -> Exception:
    """Ask until that is refused."""
    while True:
        try:
            await page(channel)(b"small", metadata=ADA)
        except aio.AioRpcError as error:
            return status.error_of_call(error)
        await asyncio.sleep(0.01)


async def test_who_sends_no_request_holds_up_nobody_for_ever(server: Server, library: Library) -> None:
    async with dial(server) as channel:
        silent = [
            cast("Any", channel.stream_unary("/test.Library/Page"))(endless(), metadata=ADA) for _ in range(3)
        ]
        assert await page(channel)(b"small", metadata=ADA) == b"small"
        for call in silent:
            assert isinstance(await error_of(call), errors.UnavailableError)
        assert library.asked == 1


async def endless() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_health_needs_no_token_and_takes_no_large_message(server: Server) -> None:
    async with dial(server) as channel:
        stub: Any = health_pb2_grpc.HealthStub(cast("Any", channel))
        request = health_pb2.HealthCheckRequest(service="test.Library")
        assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
        watch = stub.Watch(request)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        too_large = health_pb2.HealthCheckRequest(service="x" * 2 * LARGEST)
        assert isinstance(await error_of(stub.Check(too_large)), errors.ProtocolError)


async def test_of_one_token_there_are_so_many_streams_of_answers(server: Server, library: Library) -> None:
    async with dial(server) as channel:
        watches = [unread(channel, b"", "Pages") for _ in range(2)]
        for _, ask in watches:
            await ask()
        await until(lambda: library.asked == 2)
        more = cast("Any", channel).unary_stream("/test.Library/Pages")
        with pytest.raises(aio.AioRpcError) as caught:
            await more(b"", metadata=ADA).read()
        assert isinstance(status.error_of_call(caught.value), errors.UnavailableError)
        other = more(b"", metadata=BOB)
        assert len(await other.read()) == PAGE
        other.cancel()
        watches[0][0].cancel()
        await until(lambda: library.ended == 2)
        again = more(b"", metadata=ADA)
        assert len(await again.read()) == PAGE
        again.cancel()
        watches[1][0].cancel()
