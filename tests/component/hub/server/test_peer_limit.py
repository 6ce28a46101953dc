"""A peer with too many connections loses the newest of them, and no other peer loses any."""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from gator_hub.server.peer_limit import Connection, PeerLimit
from tests.component.link.fakes import until


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


class Peers:
    """Both ends of some connections."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.clients: list[socket.socket] = []
        self.served: list[socket.socket] = []

    def dial(self, source: str, count: int) -> list[socket.socket]:
        new = [
            socket.create_connection(self._listener.getsockname(), source_address=(source, 0))
            for _ in range(count)
        ]
        self.clients += new
        self.served += [self._listener.accept()[0] for _ in range(count)]
        return new

    def close(self) -> None:
        for end in self.clients + self.served:
            end.close()


@pytest.fixture
def peers(listener: socket.socket) -> Iterator[Peers]:
    peers = Peers(listener)
    yield peers
    peers.close()


def is_ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def test_the_newest_connections_of_a_peer_that_has_too_many_are_ended(
    listener: socket.socket, peers: Peers
) -> None:
    limit = PeerLimit(listener.getsockname()[1], max_each=3)
    first = peers.dial("127.0.0.1", 3)
    assert not limit.enforce()
    more = peers.dial("127.0.0.1", 2)
    other = peers.dial("127.0.0.2", 3)
    assert limit.enforce() == {"127.0.0.1": 2}
    assert [is_ended(client) for client in first + more + other] == [False] * 3 + [True] * 2 + [False] * 3
    # Its own connections to others are none of its peers'.
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        own = [socket.create_connection(elsewhere.getsockname()) for _ in range(5)]
        limit.enforce()
        assert not any(map(is_ended, own))
        for end in own:
            end.close()


def test_a_place_that_is_free_again_can_be_taken(listener: socket.socket, peers: Peers) -> None:
    limit = PeerLimit(listener.getsockname()[1], max_each=2)
    first = peers.dial("127.0.0.1", 2)
    limit.enforce()
    first[0].close()
    peers.served[0].close()
    (new,) = peers.dial("127.0.0.1", 1)
    assert not limit.enforce()
    assert not is_ended(new)


async def test_a_round_without_free_descriptors_is_not_the_last_one(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []
    limit = PeerLimit(listener.getsockname()[1])

    def enforce() -> Counter[str]:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return Counter()

    monkeypatch.setattr(limit, "enforce", enforce)
    monkeypatch.setattr("gator_hub.server.peer_limit._SCAN_INTERVAL_SECONDS", 0.001)
    task = asyncio.create_task(limit.run())
    await until(lambda: len(rounds) > 2)
    assert not task.done()
    task.cancel()
    assert "could not be counted" in caplog.text


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_network_of_ipv6_is_one_peer(host: str, peer: str) -> None:
    assert Connection(host, 1).peer == peer
