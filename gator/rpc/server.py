"""Servers of gRPC: options, health, reflection and TLS.

Every server asks for a token for each call but those of health and reflection. Importing this module
imports grpc (about 0.1 s), so modules on start paths import it late.
"""

from gator.rpc.quiet import grpc  # before anything else imports it

# isort: split
import importlib
import resource
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from msgspec import Struct

from gator import errors
from gator.rpc import address as rpc_address
from gator.rpc.auth import Authenticate, Gate, Refused, ServerLimits
from gator.rpc.channel import MAX_MESSAGE_BYTES, REMOTE_OPTIONS

# What a server sends has no bound: a plan is as large as its spec, and its receiver asked for it.
_SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", -1),
    # Two servers must not share a port: half of the children would speak with a stranger.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
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


class Service(Struct, frozen=True):
    """One service of a server.

    `name` is its full name, `add` the generated `add_…Servicer_to_server`.
    """

    name: str
    add: Callable[[Any, Any], None]
    servicer: object


class Tls(Struct, frozen=True):
    """The certificate and the key of a server, both in PEM."""

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
        gate: Gate,
    ) -> None:
        self.gate = gate
        """Checks all calls; calls that arrive by another way share its limits."""
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
    server_limits: ServerLimits | None = None,
) -> Server:
    """Starts a server at `unix:PATH` or `HOST:PORT` (port 0: any), with TLS when it is given.

    With `server_limits` its memory has a bound, however many it serves and whatever they send.

    `authenticate` is asked before every call but those of health and reflection. Errors of ours that a
    servicer raises reach the peer as a status. Raises UsageError when the address cannot be had.
    """
    socket = rpc_address.socket_path(address)
    lock = rpc_address.SocketLock(socket) if socket else None
    gate = Gate(authenticate, refused, server_limits)
    server = aio.server(interceptors=[gate], options=_server_options(server_limits))
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
    return Server(server, address, port, lock, served, gate)


def _server_options(server_limits: ServerLimits | None) -> Sequence[tuple[str, int]]:
    if server_limits is None:
        return (*_SERVER_OPTIONS, ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES))
    return (
        *_SERVER_OPTIONS,
        ("grpc.max_receive_message_length", server_limits.message_bytes),
        # Else the window of each stream grows to megabytes, wherever its bytes are waited for.
        ("grpc.http2.bdp_probe", 0),
        # What waits for a peer that vanished in silence must not wait for long.
        *REMOTE_OPTIONS,
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
