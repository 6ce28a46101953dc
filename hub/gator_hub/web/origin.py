"""Refuses requests that other web sites send from the browser of a user.

Invariant: a name in `Host` that is not known is refused. A site whose name resolves to the address of the hub
(DNS rebinding) would otherwise be the same origin for a browser.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from gator_hub.web.asgi import Headers

_LOCAL: Final = "localhost"
_SAME_SITES: Final = ("same-origin", "none")


def known_names(names: Iterable[str]) -> frozenset[str]:
    """Returns the names of this host, and the given ones, in lower case."""
    return frozenset(
        name.lower() for name in (_LOCAL, socket.gethostname(), socket.getfqdn(), *names) if name
    )


def problem_of(headers: Headers, names: frozenset[str], scheme: str) -> str:
    """Returns why a request must be refused; empty if it need not.

    `names` are those of the hub. Addresses are always accepted, because no other site has one in its name.
    """
    host = headers.get("host", "")
    name = _name_of(host)
    if not (_is_address(name) or name in names or name.endswith(f".{_LOCAL}")):
        return "this name of the host is not permitted: start it with --web-name NAME to accept it"
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
        return "requests of other sites are refused"
    return ""


def is_cross_site_call(headers: Headers) -> bool:
    """Returns whether a browser says that a call comes from another site."""
    return headers.get("sec-fetch-site", "none") not in _SAME_SITES


def _name_of(host: str) -> str:
    """Returns the name or address in a `Host`, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
