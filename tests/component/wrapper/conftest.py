"""A wrapper host with real processes; a test that leaves one alive fails."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gator.daemon.attempts.host import WrapperHost
from gator.daemon.attempts.host_context import WrapperContext
from gator.process.host import become_subreaper
from gator.process.reaper import Reaper
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2
from tests.component.process.support import marked, until
from tests.component.wrapper.support import Bench, Witness


@pytest.fixture(scope="session")
def subreaper() -> None:
    become_subreaper()


@pytest.fixture
async def bench(tmp_path: Path, subreaper: None) -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    pipes = _open_pipes()
    run = uuid.uuid4().hex
    reaper = Reaper(loop)
    store = Store.create(
        tmp_path / "bench.db",
        store_id=run,
        run=run,
        daemon="",
        host="here",
        catalogue=False,
        post=loop.call_soon_threadsafe,
    )
    witness = Witness(store)
    ends: dict[tuple[str, int], event_pb2.AttemptFinished] = {}
    started: list[tuple[str, int]] = []

    def on_finished(path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        assert (path, attempt) not in ends, "an attempt ends once"
        ends[path, attempt] = end

    context = WrapperContext(
        run=attach_pb2.RunContext(run=run, folder=str(tmp_path / "run"), log_cap_bytes=64 * 2**20),
        host="here",
        environment={"PATH": os.environ["PATH"], "HOME": "/nowhere", "MY_PASSWORD": "swordfish"},
        launch_dir=str(tmp_path),
        token=lambda path, attempt: f"token-of-{path}-{attempt}",
    )
    (tmp_path / "run").mkdir()
    host = WrapperHost(
        loop,
        witness,
        reaper,
        context,
        on_finished=on_finished,
        on_started=lambda path, attempt: started.append((path, attempt)),
    )
    yield Bench(host, witness, run, tmp_path, ends, started)
    left = marked(run)
    for pid in left:
        os.kill(pid, 9)
    await until(lambda: not marked(run), "the end of killed leftovers")
    host.close()
    reaper.close()
    await asyncio.to_thread(store.close)
    assert not left, "the test left processes behind"
    assert _open_pipes() == pipes, "the test left pipes or terminals open"


def _open_pipes() -> set[str]:
    """The pipes and terminals that this process holds."""
    found: set[str] = set()
    for entry in Path("/proc/self/fd").iterdir():
        # The listing itself is among them, and gone by now.
        with contextlib.suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith(("pipe:", "/dev/ptmx", "/dev/pts/ptmx")):
                found.add(target)
    return found
