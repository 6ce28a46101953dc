"""Services of a root or daemon for processes that dial it, and the running of the root's server.

`server` imports gRPC, so it is imported by name and late.

Invariant: every call but health and reflection requires a token.
"""

from gator.daemon.serving.attach_router import AttachRouter
from gator.daemon.serving.clients import ClientHandler
from gator.daemon.serving.server_task import ServerTask

__all__ = ["AttachRouter", "ClientHandler", "ServerTask"]
