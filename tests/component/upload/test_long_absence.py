"""A hub that is away for long: nothing grows with it, and afterwards everything is there once."""

import asyncio
import gc
from pathlib import Path

import pytest

from gator.errors import UnavailableError
from gator.hub_access.address import HubAccess
from gator.link.server import ChildLink
from gator.link.uplink import Uplink
from gator.upload.backoff import Timeouts
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.upload.protocol import UploadState, UploadStatus
from gator.upload.stores import UploadedRun
from gator.upload.stream import Upload
from gator.upload.supervisor import Uploader
from gator.v1 import attach_pb2
from tests.component.link.fakes import until
from tests.component.upload import peers
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, free_port, serving
from tests.component.upload.test_uploader import ENV, Notes

HASTY = Timeouts(first_pause=0.001, max_pause=0.002)
"""An hour of dials in a second."""
DIALS = 250


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("it is gone")


async def test_what_a_run_wrote_while_its_hub_was_away_arrives_once_and_waits_in_no_memory(
    tmp_path: Path,
) -> None:
    run, notes, hub = FakeRun(tmp_path / "run"), Notes(), FakeHub()
    address = f"127.0.0.1:{free_port()}"
    run.log("root", "first")
    process = UploadProcess(ENV)
    uploader = Uploader(UploadOptions(address, wait_seconds=60), run.folder, ENV, notes, process)
    async with serving(hub, address):
        uploader.start()
        await until(lambda: hub.sequences(run.stores["root"].store_id) == [1])
    await until(lambda: notes.texts)
    before = resident_bytes(process.pid)
    for number in range(40):
        run.log("root", *(f"{number} {line}" for line in range(500)))
        run.log("w1", *(f"{number} {line} {'x' * 500}" for line in range(500)))
        # Others have their turn too.
        await asyncio.sleep(0)
    grown = resident_bytes(process.pid) - before
    run.end()
    async with serving(hub, address):
        await uploader.finish()
    assert hub.sequences(run.stores["root"].store_id) == list(range(1, 20_002))
    assert hub.sequences(run.stores["w1"].store_id) == list(range(1, 20_001))
    assert grown < 4 * 1024 * 1024
    assert [notes.number_of(errors) for errors in ("is unreachable", "is back", "")] == [1, 1, 2]
    assert (run.folder.daemons / "upload.log").read_text() == ""


class Refusing(FakeHub):
    """Refuses all roots for now."""

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        raise UnavailableError("the hub is about to stop")


def held() -> tuple[int, int]:
    """Number of open files and of tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())


async def told_in(run: FakeRun, address: str) -> list[UploadStatus]:
    """Returns the reports of many dials. Fails if any of their objects survives."""
    dials = 0

    def way() -> HubAccess:
        nonlocal dials
        dials += 1
        return HubAccess(address, TOKEN, None)

    told: list[UploadStatus] = []
    stores = UploadedRun(run.folder)
    _, tasks = held()
    task = asyncio.create_task(Upload(stores, way, told.append, HASTY).run())
    # What gRPC makes once comes with its first calls.
    await until(lambda: dials > 10)
    files, _ = held()
    # In a process that hardly does anything garbage is collected seldom: nothing must wait for that.
    gc.disable()
    try:
        await until(lambda: dials > DIALS, 30)
        assert sum(isinstance(one, Uplink) for one in gc.get_objects()) < 3
    finally:
        gc.enable()
    task.cancel()
    await asyncio.wait({task})
    stores.close()
    # It closes on threads of its own.
    await until(lambda: held()[0] <= files + 5)
    await until(lambda: held()[1] <= tasks)
    return told


@pytest.mark.parametrize("kind", ["no listener", "a web server", "a hub that refuses all"])
async def test_nothing_is_left_of_a_dial_however_many_there_are(tmp_path: Path, kind: str) -> None:
    run = FakeRun(tmp_path / "run")
    run.log("root", "one")
    run.end()
    if kind == "no listener":
        told = await told_in(run, f"127.0.0.1:{free_port()}")
    elif kind == "a web server":
        async with peers.listening(peers.http) as address:
            told = await told_in(run, address)
    else:
        async with serving(Refusing()) as server:
            told = await told_in(run, server.address)
    assert [status.state for status in told] == [UploadState.AWAY]
