"""A hub that a Gator with signatures of version s0 has filled; see `tests/golden/hub/make.py`."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gator_hub.database import tables
from gator_hub.database.database import Database
from gator_hub.database.texts import file_of

GOLDEN = Path(__file__).parents[3] / "golden" / "hub"
_VERSION = 1


def fill(url: str) -> None:
    """Makes an empty database that old hub."""
    file = file_of(url)
    with closing(sqlite3.connect(file or ":memory:")) as old:
        old.executescript((GOLDEN / "signatures_s0.sql").read_text())
        if file is None:
            _copy(old, url)


def _copy(old: sqlite3.Connection, url: str) -> None:
    """Copies the tables into PostgreSQL, as the old version made them there."""
    database = Database.open(url)
    try:
        with database.transaction():
            for name in sorted(tables.added_since(_VERSION)):
                table, _, column = name.partition(".")
                database.execute(
                    f"ALTER TABLE {table} DROP COLUMN {column}" if column else f"DROP TABLE {table}"
                )
            database.execute("CREATE INDEX nodes_by_signature ON nodes (signature, run)")
            database.execute("DELETE FROM schema_version")
            for table in tables.TABLES:
                if table.name in tables.added_since(_VERSION):
                    continue
                rows = old.execute(f"SELECT * FROM {table.name}")
                names = [column[0] for column in rows.description]
                marks = ", ".join("?" * len(names))
                for row in rows:
                    database.execute(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", row)
    finally:
        database.close()
