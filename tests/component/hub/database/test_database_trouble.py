"""What who asks a hub is told when its database fails: nothing of the hub's host, which stands in its log."""

import pytest

from gator.errors import StoreError, UnavailableError
from gator.rpc import status as rpc_status
from gator.rpc.quiet import grpc
from gator_hub.database.database import Database
from gator_hub.ingest.writer import Writer
from tests.component.hub.postgres import PostgresServer


def test_who_asks_while_the_server_is_away_learns_nothing_of_its_host(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database.open(postgres_server.new_database())
    postgres_server.stop()
    try:
        with pytest.raises(UnavailableError) as raised:
            database.query("SELECT count(*) FROM runs")
    finally:
        postgres_server.start()
    status = rpc_status.status_of(raised.value)
    assert status.code is grpc.StatusCode.UNAVAILABLE
    assert status.message == "the hub cannot read its database now: try again, or see its log"
    (line,) = caplog.messages
    assert line.startswith(f"{database.name} cannot be read: ")
    assert database.query("SELECT count(*) FROM runs") == [(0,)]
    database.close()


def test_what_a_database_refuses_is_said_in_the_log_alone(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database.open(database_url)
    writer = Writer(database, lambda call: call())
    sql = "SELECT count(*) FROM nowhere"
    try:
        with pytest.raises(StoreError) as read:
            database.query(sql)
        with pytest.raises(StoreError) as written:
            writer.run(lambda database: database.execute(sql)).result()
    finally:
        writer.close()
        database.close()
    assert str(read.value) == "the hub cannot read its database: see its log"
    assert str(written.value) == "the database of the hub rejected the events: see the hub's log"
    assert ["nowhere" in line for line in caplog.messages] == [True, True]
