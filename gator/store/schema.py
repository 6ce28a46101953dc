"""Creates the tables of a store and checks their version, which is the file's `user_version`."""

import sqlite3

from gator.errors import StoreError
from gator.store.catalogue.columns import TABLES
from gator.store.catalogue.ddl import create

VERSION = 1
"""The version that this Gator writes."""


def version_of(connection: sqlite3.Connection) -> int:
    """Returns the version of a file's schema; 0 for an empty file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def create_tables(connection: sqlite3.Connection) -> None:
    """Creates all tables in an empty file, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table in TABLES:
            for statement in create(table):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def check_version(version: int) -> None:
    """Raises StoreError for a file that a newer Gator wrote."""
    if version > VERSION:
        raise StoreError(
            f"the store has version {version} of the schema and this gator supports {VERSION}: "
            "use a newer gator"
        )
