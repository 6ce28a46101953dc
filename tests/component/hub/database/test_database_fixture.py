from gator_hub.database import schema
from gator_hub.database.database import Database
from tests.component.hub.postgres import PostgresServer


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
