"""Servers, channels and credentials: the only place that sets options of gRPC.

Every server has health and reflection, and asks for a token for everything else. Importing this module
imports grpc (about 0.1 s), so what must start fast imports it late.
"""

from gator.rpc_quiet import grpc  # before anything else imports it

# isort: split
import importlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeAlias, cast

from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from msgspec import Struct

from gator import errors, rpc_address, rpc_status

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""What a server takes, not what it sends: a line of 1 MiB of bytes that are no text is an event of 5 MiB."""
# What a server sends has no bound: a plan is as large as its spec, and its receiver asked for it.
_SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    # Two servers must not share a port: half of the children would speak with a stranger.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
# Else the window of each stream grows to megabytes, wherever its bytes are waited for.
_MANY_PEERS = (("grpc.http2.bdp_probe", 0),)
_CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
    # A new channel must not inherit the broken connection of an old one to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
# A peer on this host dies visibly; one far away may vanish in silence.
_REMOTE_OPTIONS = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000))
_REFUSALS = (errors.UnauthenticatedError, errors.PermissionDeniedError)
_EXEMPT = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


class Authenticate(Protocol):
    """Decides whether a token is good for a method such as `/gator.v1.QueryService/ListNodes`."""

    def __call__(self, method: str, token: str, /) -> None:
        """Raises UnauthenticatedError if it is not. `token` is empty when none was sent."""
        ...


class Refused(Protocol):
    """Is told of each call that was refused for its token, or because something belongs to someone else."""

    def __call__(self, method: str, peer: str, error: Exception, /) -> None:
        """`peer` is as grpc writes it, such as `ipv4:127.0.0.1:40000`."""
        ...


class Service(Struct, frozen=True):
    """One service of a server.

    `name` is its full name, `add` the generated `add_…Servicer_to_server`.
    """

    name: str
    add: Callable[[Any, Any], None]
    servicer: object


class Tls(Struct, frozen=True):
    """What a server shows its clients, both in PEM."""

    certificate: bytes
    """The server's certificate, with those between it and the one that clients trust."""
    key: bytes

    def __repr__(self) -> str:
        # A private key must stand in no traceback.
        return "Tls()"


class Server:
    """A server that listens. Made by `serve`."""

    def __init__(
        self,
        server: aio.Server,
        address: str,
        port: int,
        lock: rpc_address.SocketLock | None,
        served: Any,
    ) -> None:
        self.address = address
        """Where to dial; of a TCP server with its true port."""
        self.port = port
        """The TCP port; 1 for a unix socket."""
        self._server = server
        self._lock = lock
        self._health = served

    async def stop(self, grace: float = 0.0) -> None:
        """Ends the server; calls that still run after `grace` seconds are cancelled."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def wait(self) -> None:
        """Returns when the server was stopped."""
        await self._server.wait_for_termination()


async def serve(
    services: Iterable[Service],
    *,
    address: str,
    authenticate: Authenticate,
    tls: Tls | None = None,
    refused: Refused | None = None,
    many_peers: bool = False,
) -> Server:
    """Starts a server at `unix:PATH` or `HOST:PORT` (port 0: any), with TLS when it is given.

    With `many_peers` it takes in little from each that was not asked for yet.

    `authenticate` is asked before every call but those of health and reflection. Errors of ours that a
    servicer raises reach the peer as a status. Raises UsageError when the address cannot be had.
    """
    socket = rpc_address.socket_path(address)
    lock = rpc_address.SocketLock(socket) if socket else None
    options = (*_SERVER_OPTIONS, *_MANY_PEERS) if many_peers else _SERVER_OPTIONS
    server = aio.server(interceptors=[_Gate(authenticate, refused)], options=options)
    try:
        served = await _register(server, list(services))
        port = _bind(server, address, tls)
        await server.start()
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    if socket is not None:
        Path(socket).chmod(0o600)
    elif address.endswith(":0"):
        address = f"{address.removesuffix(':0')}:{port}"
    return Server(server, address, port, lock, served)


async def _register(server: aio.Server, services: Sequence[Service]) -> Any:
    served: Any = cast("Any", health).aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(served, server)
    names = [service.name for service in services]
    for service in services:
        service.add(service.servicer, server)
        _load_descriptor(service)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    for name in ["", *names]:
        await served.set(name, health_pb2.HealthCheckResponse.SERVING)
    return served


def _load_descriptor(service: Service) -> None:
    """Imports the file of a service, which reflection shows: its stubs only import the messages they use."""
    module = service.add.__module__
    if module.endswith("_pb2_grpc"):
        importlib.import_module(module.removesuffix("_grpc"))


def _bind(server: aio.Server, address: str, tls: Tls | None) -> int:
    try:
        if tls is None:
            return server.add_insecure_port(address)
        credentials = grpc.ssl_server_credentials([(tls.key, tls.certificate)])
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise errors.UsageError(f"cannot listen on {address}: choose another address ({error})") from error


def channel(address: str, ca: bytes | None = None) -> aio.Channel:
    """A channel to a peer, for use on one event loop; keep one per peer and close it.

    With `ca`, PEM certificates to trust, it speaks TLS.
    """
    options = channel_options(address)
    if ca is None:
        return aio.insecure_channel(address, options=options)
    return aio.secure_channel(address, grpc.ssl_channel_credentials(ca), options=options)


def blocking_channel(address: str, ca: bytes | None = None) -> grpc.Channel:
    """A channel for code without an event loop; keep one per peer and close it. `ca` as in `channel`."""
    options = channel_options(address)
    if ca is None:
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca), options=options)


def channel_options(address: str) -> Sequence[tuple[str, int]]:
    """Options for a channel to `address`."""
    if address.startswith(rpc_address.UNIX):
        return _CHANNEL_OPTIONS
    return (*_CHANNEL_OPTIONS, *_REMOTE_OPTIONS)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)


def token_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The token in a call's metadata; empty if there is none."""
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value[:7].lower() == "bearer ":
            return value[7:].strip()
    return ""


async def abort(context: "aio.ServicerContext[Any, Any]", error: Exception) -> NoReturn:
    """Ends a call with the status of one of our errors."""
    status = rpc_status.status_of(error)
    await context.abort(status.code, status.message, status.trailing_metadata())
    raise AssertionError("abort never returns")


class _Gate(aio.ServerInterceptor):
    """Asks for a token before a call reaches its servicer, and turns our errors into statuses."""

    def __init__(self, authenticate: Authenticate, refused: Refused | None) -> None:
        self._authenticate, self._refused = authenticate, refused

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_EXEMPT):
            return handler
        refusal: Exception | None = None
        try:
            self._authenticate(method, token_of(handler_call_details.invocation_metadata))
        except errors.UnauthenticatedError as error:
            refusal = error

        async def end(context: Any, error: Exception) -> None:
            if self._refused is not None and isinstance(error, _REFUSALS):
                self._refused(method, context.peer(), error)
            await abort(context, error)

        return _guarded(handler, refusal, end)


def _guarded(
    handler: Any, refusal: Exception | None, end: Callable[[Any, Exception], Awaitable[None]]
) -> Any:
    """The same handler, with errors of ours given to `end`; or one that only refuses."""

    async def answer_one(request: Any, context: Any) -> Any:
        try:
            if refusal is not None:
                raise refusal
            return await (handler.stream_unary or handler.unary_unary)(request, context)
        except (errors.GatorError, errors.UserError) as error:
            await end(context, error)

    async def answer_many(request: Any, context: Any) -> Any:
        try:
            if refusal is not None:
                raise refusal
            answers = (handler.stream_stream or handler.unary_stream)(request, context)
            if hasattr(answers, "__aiter__"):
                async for answer in answers:
                    await context.write(answer)
            else:
                await answers
        except (errors.GatorError, errors.UserError) as error:
            await end(context, error)

    make: dict[tuple[bool, bool], Callable[..., Any]] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    return make[handler.request_streaming, handler.response_streaming](
        answer_many if handler.response_streaming else answer_one,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
