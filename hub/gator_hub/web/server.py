"""The HTTP server of a hub, on the event loop of the hub."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Final

import uvicorn
from msgspec import Struct

from gator_hub.web.asgi import App

_MAX_CONNECTIONS: Final = 1000
_KEEP_ALIVE_SECONDS: Final = 30
_CLOSE_SECONDS: Final = 1
"""Timeout of responses in progress at a stop, in seconds."""
_BACKLOG: Final = 256


class WebAddress(Struct, frozen=True):
    """Where to listen, and the files of the certificate and its key for TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def scheme(self) -> str:
        """The scheme of its URLs."""
        return "http" if self.certificate is None else "https"


class WebServer:
    """A server that listens after `start`."""

    def __init__(self, app: App, address: WebAddress) -> None:
        self._address = address
        self._server = _Server(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MAX_CONNECTIONS,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_CLOSE_SECONDS,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.key,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.port = address.port
        """The port; the true one after the start."""

    async def start(self) -> None:
        """Starts listening. Raises OSError if the address is not available."""
        listener = _listen(self._address)
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Ends the server; responses in progress get a second."""
        if self._task is not None:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)


class _Server(uvicorn.Server):
    """A server whose process handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _listen(address: WebAddress) -> socket.socket:
    family, _, _, _, where = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(
        where[:2],
        family=family,
        backlog=_BACKLOG,
        # As gRPC does, which also accepts IPv4 there.
        dualstack_ipv6=address.host == "::" and socket.has_dualstack_ipv6(),
    )
