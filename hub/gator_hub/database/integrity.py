"""Checks that a database is a complete record of a hub with a known version. No other is served.

Invariant: only the names of the tables and columns and the version are read, and nothing is changed.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from gator_hub.database.dialect import Dialect
from gator_hub.database.schema import VERSION
from gator_hub.database.tables import SCHEMA_VERSION, TABLES, added_since

EMPTY = "is empty: no hub has written anything into it"
KEEPS_SIZE = (
    "never gets smaller, because no hub created the file: the space of removed runs is reused, but not "
    "given back (to change that, stop the hub and run: "
    "sqlite3 FILE 'PRAGMA auto_vacuum = incremental; VACUUM')"
)
"""Message about a SQLite file that keeps its free pages, to follow its name."""
_FOREIGN = "is a database of another program: choose another --db"
# One statement, so that tables that another hub is creating are seen together or not at all.
_NAMES = {
    Dialect.SQLITE: "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'",
    Dialect.POSTGRES: (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)"
        " AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    ),
}
_COLUMNS = {
    Dialect.SQLITE: (
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    ),
    Dialect.POSTGRES: (
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND a.attnum > 0"
        " AND NOT a.attisdropped"
    ),
}

Fetch = Callable[[str], Sequence[Sequence[Any]]]
"""Returns the rows of a statement."""


def fault(dialect: Dialect, fetch: Fetch) -> str:
    """Returns why a database cannot be served, to follow its name; empty if it can.

    Returns `EMPTY` for a database without tables.
    """
    names = {row[0] for row in fetch(_NAMES[dialect])}
    if not names:
        return EMPTY
    expected = [table.name for table in TABLES]
    if SCHEMA_VERSION.name not in names or names.isdisjoint({*expected} - {SCHEMA_VERSION.name}):
        return _FOREIGN
    rows = fetch("SELECT * FROM schema_version")
    if not rows:
        return _lacks("the version in table schema_version")
    if len(rows) > 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], int):
        return _FOREIGN
    version = rows[0][0]
    if version > VERSION:
        return f"has version {version} of the schema, and this hub supports {VERSION}: use a newer one"
    # An older database is upgraded when a hub opens it.
    later = added_since(version)
    missing = next((name for name in expected if name not in names | later), "")
    return _lacks(f"table {missing}") if missing else _fault_of_columns(dialect, fetch, later)


def _fault_of_columns(dialect: Dialect, fetch: Fetch, later: Collection[str]) -> str:
    columns = {(str(table), str(column)) for table, column in fetch(_COLUMNS[dialect])}
    for table in TABLES:
        for column in table.names if table.name not in later else ():
            name = f"{table.name}.{column}"
            if (table.name, column) not in columns and name not in later:
                return f"lacks column {name}: it was made by another version of Gator: choose another --db"
    return ""


def _lacks(missing: str) -> str:
    return f"is incomplete: {missing} is missing: restore it from a backup"
