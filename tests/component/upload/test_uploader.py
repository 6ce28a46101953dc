"""The root's side of an upload, with the real process."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from gator.upload.availability import HubAvailability
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.upload.supervisor import Uploader
from tests.component.link.fakes import until
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, free_port, serving

ENV = {**os.environ, "GATOR_HUB_TOKEN": TOKEN, "PYTHONPATH": str(Path(__file__).parents[3])}


class Notes:
    """What the user of the run is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str, *, warning: bool = False) -> None:
        self.texts.append(("warning: " if warning else "") + text)

    def number_of(self, errors: str) -> int:
        return sum(errors in text for text in self.texts)


def children() -> set[str]:
    """The pids of all children of this process, the dead ones included, and orphans that it has adopted."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    run = FakeRun(tmp_path / "run")
    run.log("root", "one")
    return run


async def test_a_hub_that_takes_everything_is_not_mentioned(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    async with serving(hub) as server:
        uploader = Uploader(UploadOptions(server.address), run.folder, ENV, notes)
        uploader.start()
        await until(lambda: hub.sequences(run.stores["root"].store_id) == [1])
        run.log("root", "two")
        run.end()
        await uploader.finish()
    assert hub.sequences(run.stores["root"].store_id) == [1, 2]
    assert notes.texts == []
    assert [path.name for path in run.folder.stores.iterdir()] == ["root.db"]


async def test_a_run_that_ends_before_the_process_is_started_is_brought_all_the_same(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    run.end()
    async with serving(hub) as server:
        await Uploader(UploadOptions(server.address), run.folder, ENV, notes).finish()
    assert hub.sequences(run.stores["root"].store_id) == [1]
    assert notes.texts == []


async def test_a_hub_that_is_away_is_told_once_and_once_that_it_is_back(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    address = f"127.0.0.1:{free_port()}"
    uploader = Uploader(UploadOptions(address), run.folder, ENV, notes)
    uploader.start()
    await until(lambda: notes.texts)
    for _ in range(2):
        async with serving(hub, address):
            await until(lambda: hub.links)
            await until(lambda: notes.number_of("is back"))
    await until(lambda: not hub.links)
    run.end()
    async with serving(hub, address):
        await uploader.finish()
    assert notes.texts == [
        f"warning: the hub at {address} is unreachable (Connection refused): the run continues",
        f"the hub at {address} is back",
    ]


async def test_the_end_waits_no_longer_than_it_may_and_says_what_to_do(run: FakeRun) -> None:
    notes = Notes()
    address = f"127.0.0.1:{free_port()}"
    uploader = Uploader(UploadOptions(address, "/ca.pem", wait_seconds=0.1), run.folder, ENV, notes)
    before = children()
    uploader.start()
    started = children() - before
    run.end()
    began = time.monotonic()
    await uploader.finish()
    assert time.monotonic() - began < 20
    assert not any("process ended" in text for text in notes.texts)
    # Why, it may have heard or not in so short a time.
    assert notes.texts[-1].startswith("warning: not everything reached the hub")
    assert notes.texts[-1].endswith(
        f": bring the rest in later with: gator hub import {run.folder.path} --hub {address} --hub-ca /ca.pem"
    )
    assert started
    assert not started & children()


async def test_a_hub_that_never_answered_is_hardly_waited_for(run: FakeRun) -> None:
    notes = Notes()
    uploader = Uploader(UploadOptions(f"127.0.0.1:{free_port()}", wait_seconds=60), run.folder, ENV, notes)
    uploader.start()
    run.end()
    began = time.monotonic()
    await uploader.finish()
    assert time.monotonic() - began < 20
    # That the run goes on would be false by now.
    assert len(notes.texts) == 1
    assert (
        notes.number_of("not everything reached the hub (Connection refused): bring the rest in later") == 1
    )


async def test_a_hub_that_is_there_at_the_end_gets_everything_although_it_never_answered_before(
    run: FakeRun,
) -> None:
    notes, hub = Notes(), FakeHub()
    address = f"127.0.0.1:{free_port()}"
    uploader = Uploader(UploadOptions(address, wait_seconds=60), run.folder, ENV, notes)
    uploader.start()
    await until(lambda: notes.number_of("is unreachable"))
    # The pause before the next dial has grown to seconds by then.
    await asyncio.sleep(2)
    run.end()
    async with serving(hub, address):
        await uploader.finish()
    assert hub.sequences(run.stores["root"].store_id) == [1]
    assert notes.number_of("not everything") == 0


async def test_who_presses_ctrl_c_waits_no_longer(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    hub.acking = False
    async with serving(hub) as server:
        uploader = Uploader(UploadOptions(server.address, wait_seconds=60), run.folder, ENV, notes)
        uploader.start()
        await until(lambda: hub.sequences(run.stores["root"].store_id))
        run.end()
        asyncio.get_running_loop().call_later(0.1, uploader.give_up)
        began = time.monotonic()
        await uploader.finish()
        assert time.monotonic() - began < 5
    assert [notes.number_of(errors) for errors in ("not everything reached", "")] == [1, 1]


async def test_a_process_that_cannot_be_started_is_told_once(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    uploader = Uploader(UploadOptions("127.0.0.1:1"), run.folder, ENV, notes)
    uploader.start()
    run.end()
    await uploader.finish()
    assert [text.partition(":")[0] for text in notes.texts] == ["warning", "warning"]
    assert notes.number_of("its process cannot be started") == 1
    assert notes.number_of("not everything reached the hub") == 1


async def test_a_process_without_a_place_for_its_log_is_told_once(run: FakeRun) -> None:
    notes = Notes()
    run.folder.daemons.rmdir()
    uploader = Uploader(UploadOptions("127.0.0.1:1"), run.folder, ENV, notes)
    uploader.start()
    await until(lambda: notes.texts)
    run.end()
    await uploader.finish()
    assert notes.number_of("upload.log: no such file or directory") == 1
    assert notes.number_of("not everything reached the hub") == 1
    assert len(notes.texts) == 2


async def test_a_process_that_was_started_ahead_gets_its_order(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    process = UploadProcess(ENV)
    async with serving(hub) as server:
        uploader = Uploader(UploadOptions(server.address), run.folder, ENV, notes, process)
        uploader.start()
        # The run owns it, so its creator does not end it any more.
        process.dismiss()
        run.end()
        await uploader.finish()
    assert hub.sequences(run.stores["root"].store_id) == [1]
    assert notes.texts == []


def test_a_process_without_a_run_is_ended() -> None:
    before = children()
    process = UploadProcess(ENV)
    started = children() - before
    assert started
    process.dismiss()
    assert not started & children()


def test_a_process_whose_maker_is_gone_ends_by_itself() -> None:
    process = UploadProcess(ENV)
    os.close(process.parameters_write_fd)
    _, status = os.waitpid(process.pid, 0)
    for descriptor in (process.status_read_fd, process.stderr, process.pidfd):
        os.close(descriptor)
    assert os.waitstatus_to_exitcode(status) == 1


async def test_a_process_that_dies_at_its_start_is_told_once(
    run: FakeRun, capfd: pytest.CaptureFixture[str]
) -> None:
    notes = Notes()
    environment = {**ENV, "PYTHONHOME": "/nonexistent"}
    uploader = Uploader(UploadOptions("127.0.0.1:1"), run.folder, environment, notes)
    uploader.start()
    await until(lambda: notes.texts)
    run.end()
    await uploader.finish()
    assert notes.number_of("its process ended") == 1
    assert notes.number_of("not everything reached the hub") == 1
    # The terminal is the run's own.
    assert capfd.readouterr().err == ""
    log = run.folder.daemons / "upload.log"
    assert notes.number_of(str(log)) == 1
    assert "No module named 'encodings'" in log.read_text()


async def test_a_hub_that_was_told_to_be_back_and_stays_away_is_told_later(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    address = f"127.0.0.1:{free_port()}"
    uploader = Uploader(
        UploadOptions(address), run.folder, ENV, notes, availability=HubAvailability(interval=2.0)
    )
    uploader.start()
    await until(lambda: notes.number_of("is unreachable") == 1)
    async with serving(hub, address):
        await until(lambda: notes.number_of("is back") == 1)
    await until(lambda: notes.number_of("is unreachable") == 2, 10)
    run.end()
    async with serving(hub, address):
        await uploader.finish()
    assert notes.number_of("") == 4
    assert hub.sequences(run.stores["root"].store_id) == [1]


async def test_a_flapping_hub_is_not_told_again_and_again(run: FakeRun) -> None:
    notes, hub = Notes(), FakeHub()
    address = f"127.0.0.1:{free_port()}"
    uploader = Uploader(UploadOptions(address), run.folder, ENV, notes)
    uploader.start()
    for count in range(1, 5):
        async with serving(hub, address):
            await until(lambda count=count: hub.attached >= count)
    assert notes.number_of("is unreachable") == 1
    run.end()
    async with serving(hub, address):
        await uploader.finish()
