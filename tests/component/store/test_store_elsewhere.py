"""Stores on file systems of other hosts, where only the owner may open the file."""

import sqlite3
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import StoreReader, connection
from gator.v1 import attach_pb2
from tests.component.store.support import Turns, block, log, make_store, started


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Path) -> bool:
        return False

    monkeypatch.setattr(connection, "is_local", never)


def test_only_the_owner_reads_a_live_store_and_everybody_a_finished_one(
    tmp_path: Path, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_BUSY_SECONDS", 0.01)
    store = make_store(tmp_path / "w1.db", turns)
    store.append([log("top/a", "x")])
    turns.until_written(store)
    with pytest.raises(StoreError, match="ask the run itself"):
        StoreReader.open(store.path)
    assert len(store.read(0, attach_pb2.EventFilter())[0]) == 1
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["w1.db"]
    with StoreReader.open(store.path) as reader:
        assert reader.tip() == 1
        assert reader.query("PRAGMA journal_mode") == [("delete",)]


def test_the_owner_reads_only_what_is_committed(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    everything = attach_pb2.EventFilter()
    after = 0
    for _ in range(200):
        store.append([started("top/a"), block("top/a", b"x" * 20_000)])
        through = store.read(after, everything)[1]
        assert through <= store.committed
        after = through
    turns.until_written(store)
    while (through := store.read(after, everything)[1]) > after:
        after = through
    assert after == 400
    store.close()


def test_no_write_ahead_log_is_used(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    store.append([log("top/a", "x")])
    turns.until_written(store)
    assert not any(path.name.endswith(("-wal", "-shm")) for path in tmp_path.iterdir())
    store.close()
    with sqlite3.connect(store.path) as free:
        assert free.execute("PRAGMA locking_mode").fetchone() == ("normal",)
    free.close()
