"""Fixtures for tests with real processes; a test that leaves one alive fails."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gator.process.host import become_subreaper, close_inherited
from gator.process.pipes import Pipes
from gator.process.reaper import Reaper
from gator.process.spawn import Spawner
from tests.component.process.support import Host, marked, until


@pytest.fixture(scope="session")
def subreaper() -> None:
    close_inherited()
    become_subreaper()


@pytest.fixture
async def host(tmp_path: Path, subreaper: None) -> AsyncIterator[Host]:
    loop = asyncio.get_running_loop()
    strangers: list[int] = []
    reaper = Reaper(loop, lambda pid, _status, _usage: strangers.append(pid))
    host = Host(uuid.uuid4().hex, tmp_path, reaper, Pipes(loop), Spawner(), strangers)
    yield host
    left = marked(host.run)
    for pid in left:
        os.kill(pid, 9)
    for job in host.jobs:
        job.close()
    await until(lambda: not marked(host.run), "the end of killed leftovers")
    host.pipes.close()
    host.reaper.close()
    host.spawner.close()
    assert not left, "the test left processes behind"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write an executable file."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Fail a test that leaves descriptors open; to be used after `host`."""
    before = set(Path("/proc/self/fd").iterdir())
    yield
    assert set(Path("/proc/self/fd").iterdir()) - before == set()
