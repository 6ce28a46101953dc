import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee as pw
import pytest

from gator.errors import StoreError
from gator.store import Reader
from gator.store.catalogue.models import StoreDatabase, make_models
from gator.store.catalogue.rows import AttemptRow, MetricRow, NodeRow, PositionRow, columns_of
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


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of version 1 that says hello."""
    path = tmp_path / "old.db"
    made = sqlite3.connect(path)
    made.executescript((GOLDEN / "version_1.sql").read_text())
    made.close()
    return path


def test_a_file_of_version_1_is_read_as_it_is(old: Path) -> None:
    bytes_before = old.read_bytes()
    with Reader.open(old) as reader:
        assert reader.store_id == "00"
        assert [event.log.text for event in reader.events(0).events] == ["hello"]
        assert reader.query("PRAGMA user_version") == [(1,)]
    assert old.read_bytes() == bytes_before
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_an_older_file_answers_like_a_new_one_and_what_came_later_is_null(old: Path) -> None:
    with sqlite3.connect(old) as writer:
        writer.execute(
            "INSERT INTO nodes (path, parent, template, sort, depth, state) VALUES (?, ?, ?, ?, 0, 3)",
            ["top"] * 4,
        )
        writer.execute("INSERT INTO attempts (path, number) VALUES ('top', 1)")
    writer.close()
    with Reader.open(old) as reader:
        for table, row in (("nodes", NodeRow), ("attempts", AttemptRow)):
            ((*values,),) = reader.query(
                f"SELECT {', '.join(columns_of(row))} FROM {table} WHERE path = 'top'"
            )
            assert values[columns_of(row).index("signature")] is None
        (plan,) = reader.query("EXPLAIN QUERY PLAN SELECT message, signature FROM nodes WHERE path = 'top'")
        assert plan[3].startswith("SEARCH main.nodes USING INDEX")
    database = StoreDatabase(old)
    assert [row.signature for row in make_models(database).nodes.select()] == [None]
    database.close()


def test_an_older_file_brought_to_the_newest_version_has_its_tables(
    old: Path, connection: sqlite3.Connection
) -> None:
    now = sqlite3.connect(old, isolation_level=None)
    migrate(now)
    migrate(connection)
    assert schema(now) == schema(connection)
    now.close()


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_released_migration_is_never_changed(connection: sqlite3.Connection, version: int) -> None:
    migrate(connection, MIGRATIONS[:version])
    released = sqlite3.connect(":memory:")
    released.executescript((GOLDEN / f"version_{version}.sql").read_text())
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
