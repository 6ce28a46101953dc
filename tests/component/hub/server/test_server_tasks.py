"""The log tells when a task of a hub ends that should run until the hub stops."""

import asyncio
from pathlib import Path

import pytest

from gator_hub.database import lock as locks
from gator_hub.database.database import Database
from gator_hub.server.access import Access
from gator_hub.server.options import ServeOptions
from gator_hub.server.peer_limit import PeerLimit
from gator_hub.server.server import HubServer
from tests.component.link.fakes import until


async def test_a_task_that_ends_is_logged_and_one_that_is_stopped_is_not(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(self: PeerLimit) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(PeerLimit, "run", fail)
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ada:{'a' * 32}\n")
    tokens.chmod(0o600)
    lock = locks.take(sqlite_url)
    database = await asyncio.to_thread(Database.open, sqlite_url)
    server = HubServer(ServeOptions(sqlite_url, port=0), database, lock, Access(tokens))
    await server.start()
    await until(lambda: caplog.records)
    await server.stop()
    database.close()
    lock.release()
    assert caplog.messages == ["a task of the hub ended: restart the hub"]
    assert "ZeroDivisionError: odd" in caplog.text
