import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee as pw
import pytest

from gator.errors import StoreError
from gator.store import Reader
from gator.store.models import StoreDatabase, make_models
from gator.store.rows import AttemptRow, MetricRow, NodeRow, PositionRow, columns_of
from gator.store.schema import MIGRATIONS, VERSION, migrate, version_of
from tests.component.store.support import Turns, declared, make_store

GOLDEN = Path(__file__).parents[2] / "golden" / "store"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[bool, int]]:
    """By name whether a column must have a value, and its place in the primary key."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name: (bool(notnull), key) for _, name, _, notnull, _, key in rows}


def schema(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return sorted(" ".join(sql.split()) for (sql,) in rows)


def test_a_file_of_version_1_is_brought_to_the_newest_and_keeps_its_events(
    tmp_path: Path, connection: sqlite3.Connection
) -> None:
    path = tmp_path / "old.db"
    old = sqlite3.connect(path)
    old.executescript((GOLDEN / "version_1.sql").read_text())
    old.close()
    with Reader.open(path) as reader:
        assert reader.store_id == "00"
        assert [event.log.text for event in reader.events(0).events] == ["hello"]
        assert reader.query("PRAGMA user_version") == [(VERSION,)]
    migrate(connection)
    with sqlite3.connect(path) as now:
        assert schema(now) == schema(connection)
    now.close()


def test_a_released_migration_is_never_changed(connection: sqlite3.Connection) -> None:
    migrate(connection, MIGRATIONS[:1])
    released = sqlite3.connect(":memory:")
    released.executescript((GOLDEN / "version_1.sql").read_text())
    assert schema(connection) == schema(released)
    released.close()


def test_each_migration_is_taken_once_and_wholly_or_not_at_all(connection: sqlite3.Connection) -> None:
    migrate(connection)
    later = (*MIGRATIONS, ("ALTER TABLE meta ADD COLUMN note TEXT",))
    broken = (*later, ("CREATE TABLE more (x)", "nonsense"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, broken)
    assert version_of(connection) == len(later)
    assert "more" not in str(schema(connection))
    migrate(connection, later)
    assert "note" in columns(connection, "meta")


def test_a_newer_file_is_refused(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    store.close()
    with sqlite3.connect(store.path) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match="use a newer gator"):
        Reader.open(store.path)


@pytest.mark.parametrize(
    ("table", "row"),
    [("nodes", NodeRow), ("attempts", AttemptRow), ("metrics", MetricRow), ("positions", PositionRow)],
)
def test_the_rows_are_the_tables(connection: sqlite3.Connection, table: str, row: type[NodeRow]) -> None:
    migrate(connection)
    assert columns_of(row) == list(columns(connection, table))


def test_the_models_are_the_tables(connection: sqlite3.Connection) -> None:
    migrate(connection)
    tables = make_models(pw.SqliteDatabase(":memory:"))
    for table in ("meta", "subjects", "events", "nodes", "attempts", "metrics", "positions"):
        model: Any = getattr(tables, table)
        keys = [field.name for field in model._meta.get_primary_keys()]
        described = {
            field.column_name: (not field.null, keys.index(field.name) + 1 if field.name in keys else 0)
            for field in model._meta.sorted_fields
        }
        assert model._meta.table_name == table
        assert described == columns(connection, table)


def test_models_of_two_databases_do_not_mix(tmp_path: Path, turns: Turns) -> None:
    paths: list[Path] = []
    for name in ("one", "two"):
        store = make_store(tmp_path / f"{name}.db", turns, catalogue=True)
        store.append([declared(f"top/{name}")])
        store.close()
        paths.append(store.path)
    databases = [StoreDatabase(path) for path in paths]
    nodes = [make_models(database).nodes for database in databases]
    assert [[row.path for row in model.select()] for model in nodes] == [["top/one"], ["top/two"]]
    for database in databases:
        database.close()
