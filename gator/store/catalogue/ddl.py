"""SQL that creates the tables of a store in SQLite, made from their descriptions."""

from collections.abc import Iterator

from gator.store.catalogue.columns import (
    BLOB,
    FLAG,
    INT,
    JSON,
    KEY,
    MESSAGE,
    REAL,
    TEXT,
    Column,
    Table,
)

_TYPES = {
    INT: "INTEGER",
    FLAG: "INTEGER",
    REAL: "REAL",
    TEXT: "TEXT",
    JSON: "TEXT",
    BLOB: "BLOB",
    MESSAGE: "BLOB",
}


def create(table: Table) -> Iterator[str]:
    """Yields the statements that create a table and its indexes."""
    yield create_table(table)
    for index in table.indexes:
        yield create_index(table, index.name)


def create_table(table: Table, *, temporary: bool = False) -> str:
    """Returns the statement that creates a table; `temporary` makes it one of the connection alone."""
    single = len(table.key) == 1
    parts = [_declaration(column, is_key=single and column.rule == KEY) for column in table.columns]
    if not single:
        parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
    if table.unique:
        parts.append(f"UNIQUE ({', '.join(table.unique)})")
    return f"CREATE {'TEMP ' if temporary else ''}TABLE {table.name} ({', '.join(parts)})"


def create_index(table: Table, name: str, *, temporary: bool = False) -> str:
    """Returns the statement that creates the index with this name."""
    (index,) = (index for index in table.indexes if index.name == name)
    schema = "temp." if temporary else ""
    return f"CREATE INDEX {schema}{name} ON {table.name} ({', '.join(index.columns)})"


def _declaration(column: Column, *, is_key: bool) -> str:
    required = " NOT NULL" if column.required else ""
    return f"{column.name} {_TYPES[column.type]}{required}{' PRIMARY KEY' if is_key else ''}"
