"""Whatever listens where a run looks for its hub: it is told once what is wrong, and a newer hub is none."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gator.errors import UnavailableError
from gator.hub_access.address import HubAccess
from gator.link.server import ChildLink
from gator.upload.backoff import Backoff, Timeouts
from gator.upload.protocol import UploadState, UploadStatus
from gator.upload.stores import UploadedRun
from gator.upload.stream import Upload
from gator.v1 import attach_pb2
from tests.component.link.fakes import until
from tests.component.upload import peers
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, serving

QUICK = Timeouts(first_pause=0.01, max_pause=0.02, stalled=0.3)


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    run = FakeRun(tmp_path / "run")
    run.log("root", "one", "two")
    run.result()
    return run


class Dialled:
    """Counts how often the way was asked for."""

    def __init__(self, address: str, ca: bytes | None) -> None:
        self.access, self.count = HubAccess(address, TOKEN, ca), 0

    def __call__(self) -> HubAccess:
        self.count += 1
        return self.access


async def told_after(run: FakeRun, address: str, ca: bytes | None = None) -> list[UploadStatus]:
    """What an upload tells in the course of several dials."""
    told: list[UploadStatus] = []
    stores = UploadedRun(run.folder)
    way = Dialled(address, ca)
    task = asyncio.create_task(Upload(stores, way, told.append, QUICK).run())
    try:
        await until(lambda: way.count > 2)
    finally:
        task.cancel()
        await asyncio.wait({task})
        stores.close()
        run.end()
    return told


NO_HUB = "something else listens there: check the address"
SILENT = "it takes connections, but does not answer: restart it, or check the address"
HANGS_UP = "it hangs up at once: use --hub-ca FILE if it speaks TLS, else check the address"


@pytest.mark.parametrize(
    ("speak", "why"),
    [
        (peers.http, NO_HUB),
        (peers.ssh, NO_HUB),
        (peers.silence, SILENT),
        (peers.hang_up, HANGS_UP),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_speaks_no_grpc_is_told_once_as_such(run: FakeRun, speak: peers.Speak, why: str) -> None:
    async with peers.listening(speak) as address:
        assert await told_after(run, address) == [UploadStatus(UploadState.AWAY, why)]


async def test_a_grpc_server_that_is_not_a_hub_is_reported_once(run: FakeRun) -> None:
    async with peers.serving_grpc() as address:
        (status,) = await told_after(run, address)
    assert status.state is UploadState.AWAY
    assert status.why.startswith("no hub listens there, or one of another version: check the address (")


@asynccontextmanager
async def secure_peer(folder: Path, kind: str) -> AsyncGenerator[tuple[str, bytes | None]]:
    """A peer where TLS is spoken by one side alone or does not fit, and what the client trusts."""
    key, cert, file = peers.certificate(folder)
    stranger = peers.certificate(folder, "stranger")
    if kind in ("a hub with TLS", "a foreign certificate", "another name"):
        shown = stranger[:2] if kind == "another name" else (key, cert)
        trusted = {"a foreign certificate": stranger[1], "another name": stranger[1]}.get(kind)
        async with peers.serving_grpc(peers.NewerHub(), shown) as address:
            yield address, trusted
    elif kind == "a hub without TLS":
        async with serving(FakeHub()) as server:
            yield f"localhost:{server.port}", cert
    elif kind == "a web server with TLS":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, file.with_suffix(".key"))
        async with peers.listening(peers.http, context) as address:
            yield address, cert
    else:
        async with peers.listening(peers.silence) as address:
            yield address, cert


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("a hub with TLS", HANGS_UP),
        ("a hub without TLS", "it speaks no TLS: leave out --hub-ca and GATOR_HUB_CA"),
        (
            "a foreign certificate",
            "its certificate is not trusted: use --hub-ca FILE with the certificates of its CA",
        ),
        ("another name", "its certificate is for another name: use that name in the address"),
        ("a web server with TLS", NO_HUB),
        ("silence", SILENT),
    ],
)
async def test_tls_that_does_not_fit_is_told_with_what_to_do(
    run: FakeRun, tmp_path: Path, kind: str, why: str
) -> None:
    async with secure_peer(tmp_path, kind) as (address, ca):
        assert await told_after(run, address, ca) == [UploadStatus(UploadState.AWAY, why)]


async def test_a_newer_hub_gets_all_that_it_requests_without_an_error(run: FakeRun) -> None:
    hub = peers.NewerHub()
    told: list[UploadStatus] = []
    stores = UploadedRun(run.folder)
    async with peers.serving_grpc(hub) as address:
        upload = Upload(stores, lambda: HubAccess(address, TOKEN, None), told.append, QUICK)
        task = asyncio.create_task(upload.run())
        await until(lambda: hub.seqs.get(1) == [3] and hub.seqs.get(2) == [1, 2])
        run.log("root", "three")
        await until(lambda: hub.seqs.get(2) == [1, 2, 4])
        upload.end()
        assert (await asyncio.wait_for(task, 10)).state is UploadState.DONE
    assert [status.state for status in told] == [UploadState.CONNECTED, UploadState.DONE]
    assert hub.seqs.get(3, []) == []
    assert len(hub.hellos) == 1
    stores.close()
    run.end()


async def test_a_hub_that_makes_fewer_subscriptions_than_it_promised_counts_as_away(run: FakeRun) -> None:
    hub = peers.NewerHub(promised=4)
    told: list[UploadStatus] = []
    stores = UploadedRun(run.folder)
    async with peers.serving_grpc(hub) as address:
        upload = Upload(stores, lambda: HubAccess(address, TOKEN, None), told.append, QUICK)
        upload.end()
        task = asyncio.create_task(upload.run())
        await until(lambda: [status.state for status in told] == [UploadState.CONNECTED, UploadState.AWAY])
        task.cancel()
        await asyncio.wait({task})
    assert hub.seqs[2] == [1, 2]
    stores.close()
    run.end()


class Noted(Backoff):
    """Waits hardly, and knows how each stream ended."""

    def __init__(self) -> None:
        super().__init__(QUICK)
        self.useful: list[bool] = []

    def after(self, *, useful: bool) -> float:
        self.useful.append(useful)
        return super().after(useful=useful)


class Flapping(FakeHub):
    """Ends each stream right after its welcome, as long as it is told to."""

    flaps = True

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        self.acking = not self.flaps
        welcome = super().on_attached(child)
        if self.flaps:
            child.close(UnavailableError("the run is being removed: try again in a moment"))
        return welcome


async def test_a_hub_that_only_says_welcome_is_not_dialled_ever_faster(run: FakeRun) -> None:
    hub, backoff = Flapping(), Noted()
    told: list[UploadStatus] = []
    stores = UploadedRun(run.folder)
    async with serving(hub) as server:
        access = HubAccess(server.address, TOKEN, None)
        timeouts = Timeouts(first_pause=0.01, max_pause=2.0, stalled=0.3)
        task = asyncio.create_task(Upload(stores, lambda: access, told.append, timeouts, backoff).run())
        await until(lambda: len(backoff.useful) > 3)
        assert not any(backoff.useful)
        hub.flaps = False
        await until(lambda: hub.sequences(run.stores["root"].store_id) == [1, 2, 3])
        seen = len(backoff.useful)
        hub.flaps = True
        hub.cut()
        await until(lambda: len(backoff.useful) > seen)
        assert backoff.useful[seen]
        task.cancel()
        await asyncio.wait({task})
    stores.close()
    run.end()


def test_pauses_grow_to_a_bound_and_begin_anew_after_something_useful() -> None:
    longest = Backoff(Timeouts(first_pause=1, max_pause=5), lambda _, maximum: maximum)
    assert [longest.after(useful=False) for _ in range(5)] == [1, 2, 4, 5, 5]
    assert [longest.after(useful=useful) for useful in (True, False)] == [1, 2]
    shortest = Backoff(Timeouts(first_pause=1, max_pause=5), lambda minimum, _: minimum)
    assert [shortest.after(useful=False) for _ in range(5)] == [0.5, 1, 2, 2.5, 2.5]
