"""One hub for each database, whatever happens to either."""

from pathlib import Path

import pytest

from gator.errors import UnavailableError, UsageError
from gator_hub.database import lock as locks
from tests.component.hub.postgres import PostgresServer
from tests.component.hub.processes import SECONDS, Keeper


def test_a_lock_is_had_once_and_given_back(database_url: str) -> None:
    lock = locks.take(database_url)
    with pytest.raises(UsageError, match="is served by another hub"):
        locks.take(database_url)
    assert lock.is_held()
    lock.release()
    locks.take(database_url).release()


def test_a_lock_is_lost_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    lock = locks.take(f"sqlite:{file}")
    file.touch()
    lock.remember_file()
    assert lock.is_held()
    other = tmp_path / "copy.db"
    other.touch()
    other.replace(file)
    assert not lock.is_held()
    file.unlink()
    assert not lock.is_held()
    lock.release()


def test_different_databases_have_different_locks(
    postgres_server: PostgresServer, sqlite_url: str, tmp_path: Path
) -> None:
    urls = (
        postgres_server.new_database(),
        postgres_server.new_database(),
        sqlite_url,
        f"sqlite:{tmp_path}/x.db",
    )
    for lock in [locks.take(url) for url in urls]:
        lock.release()


def test_a_server_that_restarts_gives_the_lock_back_to_who_had_it(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    lock = locks.take(postgres_url)
    postgres_server.stop()
    try:
        # No other hub can hold it, so there is no reason to end.
        assert lock.is_held()
        with pytest.raises(UnavailableError, match="cannot reach"):
            locks.take(postgres_url)
    finally:
        postgres_server.start()
    assert lock.is_held()
    with pytest.raises(UsageError):
        locks.take(postgres_url)
    lock.release()


def test_who_was_slower_after_a_restart_learns_that_it_lost(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    lock = locks.take(postgres_url)
    postgres_server.restart()
    assert lock.is_held()
    postgres_server.restart()
    other = locks.take(postgres_url)
    assert [lock.is_held(), lock.is_held()] == [False, False]
    other.release()
    lock.release()


def test_a_hub_whose_record_is_removed_ends_and_says_so(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    with keeper.hub() as hub:
        (keeper.data / "hub.db").unlink()
        assert hub.process.wait(SECONDS) == 3
        hub.kill()
        assert "hub.db was removed, replaced, or taken over by another hub" in "".join(hub.log)
        assert not (keeper.data / "hub.db").exists()
