"""Channels of gRPC and their options. Importing this module imports grpc (about 0.1 s)."""

from gator.rpc.quiet import grpc  # before anything else imports it

# isort: split
from collections.abc import Sequence

from grpc import aio

from gator.errors import UnauthenticatedError
from gator.rpc.address import UNIX

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Maximum size of a message that a server receives: 1 MiB of bytes that are not text is an event of 5 MiB."""
_CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
    # A new channel must not inherit the broken connection of an old one to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
# A peer on this host dies visibly; one far away may vanish in silence.
REMOTE_OPTIONS = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000))


def open_channel(address: str, ca: bytes | None = None) -> aio.Channel:
    """Returns a channel to a peer, for use on one event loop; keep one per peer and close it.

    With `ca`, PEM certificates to trust, it speaks TLS.
    """
    options = channel_options(address)
    if ca is None:
        return aio.insecure_channel(address, options=options)
    return aio.secure_channel(address, grpc.ssl_channel_credentials(ca), options=options)


def open_blocking_channel(address: str, ca: bytes | None = None) -> grpc.Channel:
    """Returns a channel for code without an event loop; keep one per peer. `ca` as in `open_channel`."""
    options = channel_options(address)
    if ca is None:
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca), options=options)


def channel_options(address: str) -> Sequence[tuple[str, int]]:
    """Options for a channel to `address`."""
    if address.startswith(UNIX):
        return _CHANNEL_OPTIONS
    return (*_CHANNEL_OPTIONS, *REMOTE_OPTIONS)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Returns metadata with a token. Raises UnauthenticatedError if no header can carry it."""
    if not (token.isascii() and token.isprintable()):
        raise UnauthenticatedError("the token contains invalid characters: copy it again")
    return (("authorization", f"Bearer {token}"),)
