"""Serves the servicers of gRPC over the Connect protocol, as ASGI: unary calls and streams of responses.

Invariant: nothing of the body of a request is read before its token is checked.
"""

from gator_hub.web.connect.calls import Connect

__all__ = ["Connect"]
