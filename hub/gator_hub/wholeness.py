"""Whether a record has all its tables: one that was restored by half must not be served.

Rule: nothing is read of a table but that it is there.
"""

import re
from collections.abc import Callable

from gator_hub.schema import MIGRATIONS

_TABLE = re.compile(r"\s*CREATE TABLE (\w+)")


def tables(version: int) -> list[str]:
    """The tables that a record of a version has."""
    found = (_TABLE.match(sql) for statements in MIGRATIONS[:version] for sql in statements)
    return ["schema_version", *(match[1] for match in found if match)]


def missing(version: int, ask: Callable[[str], object], faults: tuple[type[Exception], ...]) -> str:
    """What to say of a record that lacks a table, after its name; empty when it is whole.

    `ask` runs a statement, and raises one of `faults` where a table cannot be asked.
    """
    for table in tables(version):
        try:
            ask(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608 - a name of the schema
        except faults:
            return f"is not whole: table {table} is missing: restore it from a backup"
    return ""
