"""Routes an Attach stream to the handler of its role: daemons to the fleet, processes of jobs to theirs.

Invariant: a role without a handler is refused before anything else is read.
"""

from collections.abc import Awaitable

from gator.errors import ProtocolError
from gator.link.session import ChildHandler, ChildLink
from gator.v1 import attach_pb2

_DAEMONS = (attach_pb2.ROLE_WRAPPERS, attach_pb2.ROLE_TIER)


class AttachRouter:
    """Combines two handlers."""

    def __init__(self, daemons: ChildHandler | None, clients: ChildHandler | None) -> None:
        self._daemons, self._clients = daemons, clients

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Raises UnauthenticatedError unless the token is good for the role."""
        return self._handler_of(hello).authenticate(hello, token)

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        """Returns the welcome of the handler."""
        return self._handler_of(child.hello).on_attached(child)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """Passes a message on to the handler."""
        return self._handler_of(child.hello).on_message(child, message)

    def on_detached(self, child: ChildLink) -> None:
        """Notifies the handler that the stream is over."""
        self._handler_of(child.hello).on_detached(child)

    def _handler_of(self, hello: attach_pb2.Hello) -> ChildHandler:
        handler = self._daemons if hello.role in _DAEMONS else None
        if hello.role == attach_pb2.ROLE_CLIENT:
            handler = self._clients
        if handler is None:
            raise ProtocolError(f"role {attach_pb2.Role.Name(hello.role)} cannot attach here")
        return handler
