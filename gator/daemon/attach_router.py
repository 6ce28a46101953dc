"""Whoever attaches to a root goes to the right desk: daemons to the fleet, jobs' processes to theirs.

The rule: a role that nobody serves here is refused before anything else is looked at.
"""

from collections.abc import Awaitable

from gator.errors import ProtocolError
from gator.link.session import ChildHandler, ChildLink
from gator.v1 import attach_pb2

_DAEMONS = (attach_pb2.ROLE_WRAPPERS, attach_pb2.ROLE_TIER)


class AttachRouter:
    """One handler made of two."""

    def __init__(self, daemons: ChildHandler | None, clients: ChildHandler | None) -> None:
        self._daemons, self._clients = daemons, clients

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Raises UnauthenticatedError unless the token is good for the role."""
        return self._desk(hello).authenticate(hello, token)

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        """Returns a child is there."""
        return self._desk(child.hello).on_attached(child)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """Returns a child says something."""
        return self._desk(child.hello).on_message(child, message)

    def on_detached(self, child: ChildLink) -> None:
        """A child is gone."""
        self._desk(child.hello).on_detached(child)

    def _desk(self, hello: attach_pb2.Hello) -> ChildHandler:
        desk = self._daemons if hello.role in _DAEMONS else None
        if hello.role == attach_pb2.ROLE_CLIENT:
            desk = self._clients
        if desk is None:
            raise ProtocolError(f"no child of role {attach_pb2.Role.Name(hello.role)} attaches here")
        return desk
