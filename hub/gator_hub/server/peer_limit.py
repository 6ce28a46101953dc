"""Limits the connections of each peer: gRPC has a limit for all peers together, but none for each.

Invariant: only connections to the hub's own port are ended, and the oldest ones of a peer stay.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from collections import Counter
from pathlib import Path
from typing import Final

from msgspec import Struct

from gator_hub.log import MAX_REFUSAL_LINES, Allowance

MAX_CONNECTIONS_EACH: Final = 512
"""Maximum number of connections of one address, more than the streams that the hub serves at once."""
_SCAN_INTERVAL_SECONDS: Final = 1.0
_DESCRIPTORS: Final = Path("/proc/self/fd")


class Connection(Struct, frozen=True):
    """One connection, identified by the address and port of the peer."""

    host: str
    port: int

    @property
    def peer(self) -> str:
        """The address; for IPv6 its /64 network, because a host can use any address in it."""
        if ":" not in self.host:
            return self.host
        address = ipaddress.IPv6Address(self.host.partition("%")[0])
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))


class PeerLimit:
    """Closes the newest connections of a peer that has too many."""

    def __init__(self, port: int, max_each: int = MAX_CONNECTIONS_EACH) -> None:
        self._port, self._max_each = port, max_each
        self._known: dict[Connection, None] = {}
        rest = "connections of peers over the limit were ended %d more times within a minute"
        self._refusal_log = Allowance(MAX_REFUSAL_LINES, logging.WARNING, rest)
        self._failed = Allowance(1, logging.WARNING, "connections could not be counted %d more times")

    async def run(self) -> None:
        """Enforces the limit periodically."""
        while True:
            await asyncio.sleep(_SCAN_INTERVAL_SECONDS)
            try:
                ended = await asyncio.to_thread(self.enforce)
            except (OSError, RuntimeError) as error:
                # Without a free descriptor or thread the connections cannot be counted in this round.
                self._failed.log("the connections of peers could not be counted: %s", error)
                continue
            for peer, count in ended.items():
                self._refusal_log.log(
                    "ended %d connections of %s: it has %d already, the maximum", count, peer, self._max_each
                )

    def enforce(self) -> Counter[str]:
        """Ends the connections over the limit. Returns their number by the address of the peer."""
        ended: Counter[str] = Counter()
        names = [path.name for path in _DESCRIPTORS.iterdir()]
        if len(names) <= self._max_each:
            return ended
        descriptors = self._connections(names)
        # Known connections come first, in their old order.
        self._known = dict.fromkeys(
            [known for known in self._known if known in descriptors] + list(descriptors)
        )
        counts: Counter[str] = Counter()
        for connection in list(self._known):
            peer = connection.peer
            counts[peer] += 1
            if counts[peer] > self._max_each and self._end(descriptors[connection], connection):
                ended[peer] += 1
        return ended

    def _connections(self, names: list[str]) -> dict[Connection, int]:
        descriptors: dict[Connection, int] = {}
        for name in names:
            with contextlib.suppress(OSError):
                descriptor = int(name)
                connection = self._of(descriptor)
                if connection is not None:
                    descriptors[connection] = descriptor
        return descriptors

    def _of(self, descriptor: int) -> Connection | None:
        """Returns the connection of a descriptor of this process; None if it is something else."""
        copy = os.dup(descriptor)
        with _Socket(copy) as opened:
            if (
                opened.family not in (socket.AF_INET, socket.AF_INET6)
                or opened.getsockname()[1] != self._port
            ):
                return None
            host, port = opened.getpeername()[:2]
            return Connection(host, port)

    def _end(self, descriptor: int, expected: Connection) -> bool:
        """Shuts down a connection unless its descriptor was reused; gRPC then closes it."""
        with contextlib.suppress(OSError), _Socket(os.dup(descriptor)) as opened:
            host, port = opened.getpeername()[:2]
            if Connection(host, port) == expected:
                opened.shutdown(socket.SHUT_RDWR)
                return True
        return False


class _Socket(socket.socket):
    """A socket made from a descriptor that it owns."""

    def __init__(self, descriptor: int) -> None:
        try:
            super().__init__(fileno=descriptor)
        except OSError:
            os.close(descriptor)
            raise
