"""Servers, their sockets, their tokens and their statuses."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gator import errors
from gator.core.tokens import Audience
from gator.rpc import address as rpc_address
from gator.rpc import status as rpc_status
from gator.rpc.channel import MAX_MESSAGE_BYTES, bearer, open_channel
from gator.rpc.server import Server, Service, serve
from tests.component.link.fakes import TOKENS, Parent, serving


def everybody(method: str, token: str) -> None:
    del method, token


class Echo:
    """A service that fails in the way it is asked to."""

    async def one(self, request: bytes, context: Any) -> bytes:
        return self.answer(request)

    async def many(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        yield self.answer(request)

    def answer(self, request: bytes) -> bytes:
        match request:
            case b"missing":
                raise errors.NotFoundError("no run 7: ask `gator runs`")
            case b"full":
                raise errors.DiskFullError("no space left")
            case b"plan":
                return bytes(2 * MAX_MESSAGE_BYTES)
            case _:
                return request


def add_echo(servicer: Echo, server: aio.Server) -> None:
    handlers: dict[str, Any] = {
        "One": grpc.unary_unary_rpc_method_handler(cast("Any", servicer.one)),
        "Many": grpc.unary_stream_rpc_method_handler(cast("Any", servicer.many)),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[Server]:
    server = await serve(
        [Service("test.Echo", add_echo, Echo())],
        address=f"unix:{folder / 'e'}",
        authenticate=lambda method, token: TOKENS.check(token, Audience.CONTROL),
    )
    yield server
    await server.stop()


GOOD = bearer(TOKENS.make(Audience.CONTROL))


async def test_errors_of_a_servicer_reach_the_caller_with_code_and_reason(server: Server) -> None:
    async with open_channel(server.address) as channel:
        one = cast("Any", channel.unary_unary("/test.Echo/One"))
        assert await one(b"hi", metadata=GOOD) == b"hi"
        for word, kind in ((b"missing", errors.NotFoundError), (b"full", errors.DiskFullError)):
            with pytest.raises(aio.AioRpcError) as caught:
                await one(word, metadata=GOOD)
            assert type(rpc_status.error_of_call(caught.value)) is kind
        many = cast("Any", channel.unary_stream("/test.Echo/Many"))
        found: list[bytes] = []
        with pytest.raises(aio.AioRpcError) as caught:
            async for answer in many(b"missing", metadata=GOOD):
                found.append(answer)
        assert found == [b"first"]
        error = rpc_status.error_of_call(caught.value)
        assert str(error) == "no run 7: ask `gator runs`"


async def test_what_a_server_sends_may_be_as_large_as_the_plan_of_a_large_spec(server: Server) -> None:
    async with open_channel(server.address) as channel:
        one = cast("Any", channel.unary_unary("/test.Echo/One"))
        assert len(await one(b"plan", metadata=GOOD)) == 2 * MAX_MESSAGE_BYTES
        with pytest.raises(aio.AioRpcError):
            await one(bytes(2 * MAX_MESSAGE_BYTES), metadata=GOOD)


@pytest.mark.parametrize("token", ["", "wrong", TOKENS.make(Audience.DAEMON), "\u00e9"])
async def test_a_call_without_the_right_token_is_refused(server: Server, token: str) -> None:
    metadata = bearer(token.encode().decode("latin-1")) if token.isascii() else None
    async with open_channel(server.address) as channel:
        one = cast("Any", channel.unary_unary("/test.Echo/One"))
        many = cast("Any", channel.unary_stream("/test.Echo/Many"))
        for call in (one(b"hi", metadata=metadata), many(b"hi", metadata=metadata).read()):
            with pytest.raises(aio.AioRpcError) as caught:
                await call
            assert isinstance(rpc_status.error_of_call(caught.value), errors.UnauthenticatedError)


async def test_every_server_has_health_and_reflection_without_a_token(folder: Path) -> None:
    async with serving(Parent(), folder) as server, open_channel(server.address) as channel:
        request = health_pb2.HealthCheckRequest(service="gator.v1.ParentService")
        answer = await cast("Any", health_pb2_grpc.HealthStub(cast("Any", channel))).Check(request)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = cast("Any", reflection_pb2_grpc.ServerReflectionStub(cast("Any", channel)))
        call = stub.ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        found = (await call.read()).list_services_response.service
        assert "gator.v1.ParentService" in [service.name for service in found]
        symbol = "gator.v1.ParentService"
        await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
        assert (await call.read()).HasField("file_descriptor_response")
        await call.done_writing()
        assert await call.read() is aio.EOF


async def test_a_socket_that_is_served_is_not_taken_over(folder: Path) -> None:
    async with serving(Parent(), folder) as server:
        with pytest.raises(errors.UsageError, match="served by another process"):
            async with serving(Parent(), folder):
                pass
        async with open_channel(server.address) as channel:
            await channel.channel_ready()
    assert not list(folder.iterdir())


async def test_files_of_a_dead_server_do_not_prevent_a_start(folder: Path) -> None:
    (folder / "s").touch()
    (folder / "s.lock").touch()
    async with serving(Parent(), folder):
        assert (folder / "s").stat().st_mode & 0o777 == 0o600


async def test_a_port_that_is_served_is_not_shared() -> None:
    first = await serve([], address="127.0.0.1:0", authenticate=everybody)
    try:
        assert first.address == f"127.0.0.1:{first.port}"
        with pytest.raises(errors.UsageError, match="cannot listen"):
            await serve([], address=first.address, authenticate=everybody)
    finally:
        await first.stop()


async def test_a_path_above_107_bytes_is_refused(folder: Path) -> None:
    with pytest.raises(errors.UsageError, match="107 bytes"):
        await serve([], address=f"unix:{folder}/{'x' * 108}", authenticate=everybody)


def test_sockets_stand_in_a_folder_of_the_users_own(folder: Path) -> None:
    address = rpc_address.socket_address("run", {"XDG_RUNTIME_DIR": str(folder)})
    path = rpc_address.socket_path(address)
    assert path is not None
    assert path.parent.parent == folder
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_runtime_folder_that_is_too_long_or_missing_falls_back(folder: Path) -> None:
    for runtime in (folder / ("x" * 100), folder / "missing"):
        if runtime.name != "missing":
            runtime.mkdir()
        environ = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(folder)}
        assert rpc_address.socket_address("r", environ).startswith(f"unix:{folder}/gator-")


def test_a_folder_that_others_may_enter_is_closed_and_a_link_is_refused(folder: Path) -> None:
    open_folder = folder / "open"
    open_folder.mkdir(mode=0o755)
    rpc_address.private_folder(open_folder)
    assert open_folder.stat().st_mode & 0o777 == 0o700
    (folder / "link").symlink_to(open_folder)
    with pytest.raises(errors.UsageError, match="not a folder of this user"):
        rpc_address.private_folder(folder / "link")


def test_a_status_survives_the_wire_and_rubbish_is_not_a_status() -> None:
    status = rpc_status.status_of(errors.NotFoundError("no run \udcff"))
    ((key, data),) = status.trailing_metadata()
    assert key == "grpc-status-details-bin"
    info = rpc_status.info_of(data)
    assert info is not None
    assert (info.reason, info.domain) == ("NOT_FOUND", "gator")
    for cut in range(len(data)):
        rpc_status.info_of(data[:cut])
    assert rpc_status.info_of(b"\xff" * 40) is None
    assert isinstance(rpc_status.error_of(grpc.StatusCode.INTERNAL, "no", data), errors.NotFoundError)


def test_the_detail_of_another_server_is_not_used_as_a_reason() -> None:
    stranger = status_pb2.Status(code=5)
    stranger.details.add().Pack(error_details_pb2.RetryInfo())
    stranger.details.add().Pack(error_details_pb2.ErrorInfo(reason="STORE", domain="elsewhere"))
    data = stranger.SerializeToString()
    assert isinstance(rpc_status.error_of(grpc.StatusCode.NOT_FOUND, "no", data), errors.NotFoundError)


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
async def test_grpcurl_prints_the_details_of_an_error(folder: Path) -> None:
    async with serving(Parent(), folder) as server:
        done = await asyncio.to_thread(
            subprocess.run,
            [
                *("grpcurl", "-plaintext", "-unix", "-d", '{"hello": {"role": "ROLE_CLIENT"}}'),
                *(server.address.removeprefix("unix:"), "gator.v1.ParentService/Attach"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "Code: Unauthenticated" in done.stderr
    assert '"@type":"type.googleapis.com/google.rpc.ErrorInfo"' in done.stderr.replace(" ", "")
    assert '"reason":"UNAUTHENTICATED"' in done.stderr.replace(" ", "")
