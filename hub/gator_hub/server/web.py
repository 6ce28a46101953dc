"""Serves the services of a hub and its page over HTTP, beside gRPC."""

from collections.abc import Iterable

from gator.rpc.server import Server, Service
from gator_hub.server.options import ServeOptions, cannot_listen
from gator_hub.web.app import web_app
from gator_hub.web.connect import Connect
from gator_hub.web.page import Page
from gator_hub.web.server import WebAddress, WebServer
from gator_hub.web.session_calls import SessionCalls
from gator_hub.web.sessions import Sessions


class Web:
    """The HTTP server of a hub. Made by `open_web`."""

    def __init__(self, server: WebServer, connect: Connect, page: Page) -> None:
        self._server, self._connect = server, connect
        self.has_page = page.is_built
        """Whether the page was built."""

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._server.port

    async def stop(self) -> None:
        """Ends all calls, and the server."""
        self._connect.close()
        await self._server.stop()


async def open_web(
    options: ServeOptions,
    services: Iterable[Service],
    grpc: Server,
    sessions: Sessions,
    max_request_bytes: int,
) -> Web:
    """Starts the HTTP server; `grpc` serves the same services. Raises UsageError if it cannot listen."""
    connect, page = (
        Connect(services, grpc.gate, max_request_bytes),
        Page(grpc.port, read_only=options.read_only),
    )
    calls = SessionCalls(sessions, grpc.port, is_secure=options.tls_certificate is not None)
    server = WebServer(
        web_app(connect, page, calls, options.known_names),
        WebAddress(options.bare_host, options.http_port, options.tls_certificate, options.tls_key),
    )
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(options, error, is_web=True) from error
    return Web(server, connect, page)
