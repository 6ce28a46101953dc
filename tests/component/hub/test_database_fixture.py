import pytest

from gator.errors import StoreError
from gator_hub.database import schema
from gator_hub.database.database import Database

from .postgres import PostgresServer


def test_each_database_is_empty_and_usable(database_url: str) -> None:
    database = Database.open(database_url)
    try:
        assert database.query("SELECT count(*) FROM runs") == [(0,)]
    finally:
        database.close()


def test_a_server_that_is_started_again_has_its_databases(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database()
    Database.open(url).close()
    postgres_server.restart()
    database = Database.open(url)
    try:
        assert database.query("SELECT version FROM schema_version") == [(schema.VERSION,)]
    finally:
        database.close()


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_database_of_an_older_version_is_brought_to_the_newest(
    database_url: str, version: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:version])
        older.setattr(schema, "VERSION", version)
        Database.open(database_url).close()
    for _ in range(2):
        database = Database.open(database_url)
        try:
            assert database.query("SELECT version FROM schema_version") == [(schema.VERSION,)]
            with pytest.raises(StoreError):
                database.query("CREATE INDEX nodes_by_duration ON nodes (run)")
            assert "nodes_by_duration" in caplog.messages[-1]
        finally:
            database.close()
