"""Servers, channels and credentials: the only place that sets options of gRPC.

Every server has health and reflection, and asks for a token for everything else. Importing this module
imports grpc (about 0.1 s), so what must start fast imports it late.
"""

from gator.rpc_quiet import grpc  # before anything else imports it

# isort: split
import importlib
import resource
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from msgspec import Struct

from gator import errors, rpc_address
from gator.rpc_gate import Authenticate, Crowd, Gate, Refused, abort, token_of

__all__ = [
    "MAX_MESSAGE_BYTES",
    "Authenticate",
    "Crowd",
    "Metadata",
    "Refused",
    "Server",
    "Service",
    "Tls",
    "abort",
    "bearer",
    "blocking_channel",
    "channel",
    "channel_options",
    "serve",
    "token_of",
]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""What a server takes, not what it sends: a line of 1 MiB of bytes that are no text is an event of 5 MiB."""
# What a server sends has no bound: a plan is as large as its spec, and its receiver asked for it.
_SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", -1),
    # Two servers must not share a port: half of the children would speak with a stranger.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
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
MAX_STREAMS = 256
"""Maximum number of concurrent calls on one connection to a server for many.

Without it, a peer that resets its calls at once can open more of them than the server can handle, and other
peers wait for all of these.
"""
_IDLE_MILLIS = 300_000
"""Timeout of a connection without calls; it only holds a descriptor, and clients reconnect when needed."""
_SPARE_DESCRIPTORS = 128
"""Number of descriptors that a server for many reserves for its database, log and other files."""
# A peer on this host dies visibly; one far away may vanish in silence.
_REMOTE_OPTIONS = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000))

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


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
    crowd: Crowd | None = None,
) -> Server:
    """Starts a server at `unix:PATH` or `HOST:PORT` (port 0: any), with TLS when it is given.

    With `crowd` its memory has a bound, however many it serves and whatever they send.

    `authenticate` is asked before every call but those of health and reflection. Errors of ours that a
    servicer raises reach the peer as a status. Raises UsageError when the address cannot be had.
    """
    socket = rpc_address.socket_path(address)
    lock = rpc_address.SocketLock(socket) if socket else None
    server = aio.server(interceptors=[Gate(authenticate, refused, crowd)], options=_server_options(crowd))
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


def _server_options(crowd: Crowd | None) -> Sequence[tuple[str, int]]:
    if crowd is None:
        return (*_SERVER_OPTIONS, ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES))
    return (
        *_SERVER_OPTIONS,
        ("grpc.max_receive_message_length", crowd.message_bytes),
        # Else the window of each stream grows to megabytes, wherever its bytes are waited for.
        ("grpc.http2.bdp_probe", 0),
        # What waits for a peer that vanished in silence must not wait for long.
        *_REMOTE_OPTIONS,
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.max_connection_idle_ms", _IDLE_MILLIS),
        ("grpc.max_allowed_incoming_connections", _max_connections()),
    )


def _max_connections() -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return 65_536
    return min(max(descriptors - _SPARE_DESCRIPTORS, descriptors // 2), 65_536)


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
