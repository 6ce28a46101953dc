import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import StoreReader
from gator.store.schema import VERSION, create_tables, version_of
from tests.component.store.support import Turns, make_store

GOLDEN = Path(__file__).parents[2] / "golden" / "store"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def schema(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return sorted(" ".join(sql.split()).replace("( ", "(").replace(" )", ")") for (sql,) in rows)


def test_the_tables_are_those_of_the_golden_file(connection: sqlite3.Connection) -> None:
    create_tables(connection)
    golden = sqlite3.connect(":memory:")
    golden.executescript((GOLDEN / f"version_{VERSION}.sql").read_text())
    assert schema(connection) == schema(golden)
    assert version_of(connection) == version_of(golden) == VERSION
    golden.close()


def test_the_tables_are_created_as_a_whole_or_not_at_all(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE positions (store)")
    with pytest.raises(sqlite3.OperationalError, match="positions already exists"):
        create_tables(connection)
    assert version_of(connection) == 0
    assert len(schema(connection)) == 1


def test_a_newer_file_is_refused(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    store.close()
    with sqlite3.connect(store.path) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match="use a newer gator"):
        StoreReader.open(store.path)
