"""Finds the gRPC address of a hub whose web page a user has named by its URL.

Invariant: the host is never changed, so that a token goes only to the host that the user named.
"""

from typing import Annotated

import msgspec

_SECONDS = 3.0
"""Timeout in seconds of the request to the page."""
_MAX_BYTES = 4096
"""Maximum number of bytes of the answer that are read."""
_MAX_PORT = 65535


class _About(msgspec.Struct, rename="camel"):
    """The facts about a hub that its page has."""

    grpc_port: Annotated[int, msgspec.Meta(gt=0, le=_MAX_PORT)]


def address_behind(address: str, ca: bytes | None) -> str:
    """Returns `HOST:PORT` of the hub that serves a page; the address itself if no page is served there.

    `ca` are the certificates to trust, in PEM, in addition to those of the system.
    """
    if not address.startswith(("http://", "https://")):
        return address
    from urllib.parse import urlsplit

    url = urlsplit(address)
    port = _grpc_port(f"{url.scheme}://{url.netloc}/hub.json", ca)
    if not port or not url.hostname:
        return address
    return f"[{url.hostname}]:{port}" if ":" in url.hostname else f"{url.hostname}:{port}"


def _grpc_port(url: str, ca: bytes | None) -> int:
    """Returns the port in the facts about a hub; 0 if there are none."""
    # Imported late, because few addresses are URLs.
    import ssl
    from http.client import HTTPException
    from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(cadata=ca.decode(errors="replace"))
    # A proxy would be asked about a host that it may not see.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    try:
        with opener.open(Request(url), timeout=_SECONDS) as response:  # noqa: S310 - only http and https
            return msgspec.json.decode(response.read(_MAX_BYTES), type=_About).grpc_port
    except (OSError, HTTPException, msgspec.DecodeError):
        # The port of gRPC speaks no HTTP/1.1; `gator hub serve` prints its address with a scheme.
        return 0
