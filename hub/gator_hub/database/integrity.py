"""Whether a database is a whole record of a hub, of a version known here: no other must be served.

Rule: it is told from the names of the tables and from the version alone, and nothing is changed.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from gator_hub.database.dialect import Dialect
from gator_hub.database.schema import MIGRATIONS, VERSION

EMPTY = "is empty: no hub has kept anything in it"
KEEPS_SIZE = (
    "never gets smaller, since no hub made the file: what runs leave is used again, but not given back "
    "(to mend it, while no hub serves it: sqlite3 FILE 'PRAGMA auto_vacuum = incremental; VACUUM')"
)
"""What to say of a SQLite file that keeps its free pages, after its name."""
_FOREIGN = "is a database of something else: choose another --db"
_TABLE = re.compile(r"\s*CREATE TABLE (\w+)")
# One statement, so that another hub that makes the tables meanwhile is seen with all of them or with none.
_NAMES = {
    Dialect.SQLITE: "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'",
    Dialect.POSTGRES: (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)"
        " AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    ),
}

Ask = Callable[[str], Sequence[Sequence[Any]]]
"""The rows that a statement gives."""


def tables(version: int) -> list[str]:
    """The tables that a record of a version has."""
    found = (_TABLE.match(sql) for statements in MIGRATIONS[:version] for sql in statements)
    return ["schema_version", *(match[1] for match in found if match)]


def fault(dialect: Dialect, ask: Ask) -> str:
    """What to say of a database that cannot be served, after its name; `EMPTY` where nothing is in it yet.

    Nothing of a record that can.
    """
    names = {row[0] for row in ask(_NAMES[dialect])}
    if not names:
        return EMPTY
    if "schema_version" not in names or names.isdisjoint(tables(VERSION)[1:]):
        return _FOREIGN
    rows = ask("SELECT * FROM schema_version")
    if not rows:
        return _lacks("the version in table schema_version")
    if len(rows) > 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], int):
        return _FOREIGN
    version = rows[0][0]
    if version > VERSION:
        return f"has version {version} of the schema, and this hub knows {VERSION}: use a newer one"
    return next((_lacks(f"table {name}") for name in tables(version) if name not in names), "")


def _lacks(what: str) -> str:
    return f"is not whole: {what} is missing: restore it from a backup"
