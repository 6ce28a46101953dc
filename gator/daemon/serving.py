"""The root's server: Attach for daemons and jobs' processes, queries and orders for its user.

The rule: everything but health and reflection asks for a token. Importing this imports grpc.
"""

from gator import rpc
from gator.core.tokens import Audience, Tokens
from gator.daemon.gatekeeper import Gatekeeper
from gator.link.server import ATTACH, parent_service


async def serve_root(
    services: list[rpc.Service], handler: Gatekeeper, address: str, tokens: Tokens
) -> rpc.Server:
    """Listen for everybody who may speak with a root."""

    def authenticate(method: str, token: str) -> None:
        # What a token of Attach has to be good for stands in the Hello, so its handler asks.
        if method != ATTACH:
            tokens.check(token, Audience.CONTROL)

    return await rpc.serve([parent_service(handler), *services], address=address, authenticate=authenticate)
