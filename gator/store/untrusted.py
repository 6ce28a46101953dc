"""Opens store files that may be malicious.

Invariant: whatever a file contains, queries end, use bounded memory and change nothing.
"""

import errno
import sqlite3
import stat
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from google.protobuf.message import DecodeError

from gator.errors import DamagedFolderError, StoreError, reason_of
from gator.store.catalogue.columns import TABLES

MAX_STATEMENT_SECONDS = 30.0
"""Timeout of one statement in seconds: the largest legitimate ones take a few seconds."""
MAX_VALUE_BYTES = 32 * 1024 * 1024
"""Maximum size of one value. The stored plan request of 100,000 jobs has about half of it."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Maximum total size of the strings and blobs in the result of one query."""
SMALL_FILE_BYTES = 128 * 1024 * 1024
"""Results from files up to this size are not measured: they cannot be much larger than the file."""
ODD_VALUE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    DecodeError,
)
"""Exceptions of values that Gator did not write: text instead of a number, damaged JSON, a huge number."""

_STEPS_BETWEEN_LOOKS = 100_000
_CACHE_KIB = 8 * 1024
_PARTS = ("", "-wal", "-shm", "-journal")
# Column, type, whether it is the key, by which rows are found and ordered.
_NUMBERED = {"events": "seq", "subjects": "id"}


class Connection(sqlite3.Connection):
    """A connection that interrupts statements after the timeout."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A list, so that the handler holds no reference to the connection.
        self._until = [0.0]
        until = self._until
        self.set_progress_handler(lambda: time.monotonic() > until[0], _STEPS_BETWEEN_LOOKS)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Executes like sqlite3; raises OperationalError after the timeout."""
        self._until[0] = time.monotonic() + MAX_STATEMENT_SECONDS
        return super().execute(sql, parameters)


def check_files(path: Path) -> int:
    """Returns the size of a store's file and its log. Raises StoreError unless these are regular files.

    SQLite opens any type of file and would block forever on a FIFO.
    """
    size = 0
    for part in _PARTS:
        beside = path.with_name(path.name + part)
        try:
            info = beside.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            is_damage = error.errno in (errno.ELOOP, errno.ENOTDIR)
            kind = DamagedFolderError if is_damage else StoreError
            raise kind(f"{path} cannot be read: {reason_of(error)}") from error
        if not stat.S_ISREG(info.st_mode):
            raise DamagedFolderError(f"{beside} is not a regular file, so not a Gator store")
        size += info.st_size
    return size


def harden(connection: sqlite3.Connection) -> None:
    """Restricts what reading the file can do. Must be called before anything is read."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError unless all tables exist as ordinary tables with their columns."""
    for table in TABLES:
        problem = _table_problem(connection, table.name, table.names)
        if problem:
            raise StoreError(f"{path} {problem}")


def _table_problem(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str:
    """Returns why a table cannot be read, to follow the path of its file; empty if it can."""
    rows = connection.execute(
        "SELECT type, rootpage FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE LIMIT 2", (table,)
    ).fetchall()
    # A virtual table has no pages.
    if len(rows) != 1 or rows[0][0] != "table" or type(rows[0][1]) is not int or rows[0][1] <= 0:
        return _foreign(f"{table} is not a table" if rows else f"{table} is missing")
    info = {
        name: (kind, key, hidden)
        for _, name, kind, _, _, key, hidden in connection.execute(f"PRAGMA main.table_xinfo({table})")
    }
    lacking = [name for name in columns if name not in info]
    if len(lacking) == len(columns):
        return _foreign(f"{table} has no {lacking[0]}")
    if lacking:
        return f"was written by another version of Gator: {table} has no column {lacking[0]}"
    if any(hidden for _, _, hidden in info.values()):
        return _foreign(f"{table} has computed columns")
    number = _NUMBERED.get(table)
    if number is not None and (info[number][0].upper() != "INTEGER" or info[number][1] != 1):
        return _foreign(f"{table} is not numbered by {number}")
    return ""


def _foreign(why: str) -> str:
    return f"is not a Gator store: {why}"


def fetch(cursor: sqlite3.Cursor, *, measured: bool) -> list[Any]:
    """Returns all rows. If `measured`, raises StoreError if they exceed the maximum size."""
    if not measured:
        return cursor.fetchall()
    rows: list[Any] = []
    room = MAX_ANSWER_BYTES
    for row in cursor:
        rows.append(row)
        room -= sum(len(value) for value in row if type(value) in (str, bytes))
        if room < 0:
            raise StoreError("the result of one query is too large: the store is damaged")
    return rows


class _Foreign(Protocol):
    """A reader of files that may be damaged."""

    @property
    def source(self) -> Path:
        """The file or folder, for messages."""
        ...


_Self = TypeVar("_Self", bound=_Foreign)
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


def damage_as_store_error(
    method: Callable[Concatenate[_Self, _Given], _Answer],
) -> Callable[Concatenate[_Self, _Given], _Answer]:
    """Decorates a reading method: invalid values in the file raise a StoreError that names the file."""

    @wraps(method)
    def call(self: _Self, /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        try:
            return method(self, *args, **kwargs)
        except ODD_VALUE as error:
            raise damaged(self.source, error) from error

    return call


_Class = TypeVar("_Class", bound=type[_Foreign])


def damage_as_store_errors(reader: _Class) -> _Class:
    """Decorates a class: `damage_as_store_error` for its public methods, those of its bases included."""
    for name in dir(reader):
        method = getattr(reader, name)
        if not name.startswith("_") and isinstance(method, FunctionType):
            setattr(reader, name, damage_as_store_error(method))
    return reader


def damaged(path: Path, error: Exception) -> StoreError:
    """Returns the error for a file with a value that Gator did not write."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return StoreError(f"{path} is damaged: it holds a value that Gator did not write ({reason})")
