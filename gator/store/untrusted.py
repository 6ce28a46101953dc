"""Opens the file of a store that somebody else may have made to do harm.

Invariant: whatever a file holds, a question about it ends, takes bounded memory and changes nothing.
"""

import sqlite3
import stat
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from google.protobuf.message import DecodeError

from gator.errors import StoreError
from gator.store.schema import MIGRATIONS

MAX_STATEMENT_SECONDS = 30.0
"""Timeout of one statement: the largest honest ones take a few seconds."""
MAX_VALUE_BYTES = 32 * 1024 * 1024
"""Maximum size of one value that is read. The plan request of 100,000 jobs, as it is kept, has about half."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Maximum size of all texts and bytes in the answer to one question."""
SMALL_FILE_BYTES = 128 * 1024 * 1024
"""Answers from files up to this size are not measured: they cannot be much larger than the file."""
ODD_VALUE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    DecodeError,
)
"""What values raise that no Gator wrote: a text in the place of a number, damaged JSON, a huge number."""

_STEPS_BETWEEN_LOOKS = 100_000
_CACHE_KIB = 8 * 1024
_PARTS = ("", "-wal", "-shm", "-journal")
_TABLES = ("meta", "subjects", "events", "nodes", "attempts", "metrics", "positions")
# Column, type, whether it is the key: by it rows are found and put into order.
_NUMBERED = {"events": "seq", "subjects": "id"}


class Connection(sqlite3.Connection):
    """A connection whose statements are interrupted when they take too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A list, so that the handler does not keep the connection alive.
        self._until = [0.0]
        until = self._until
        self.set_progress_handler(lambda: time.monotonic() > until[0], _STEPS_BETWEEN_LOOKS)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As sqlite3 has it; raises OperationalError when the statement takes too long."""
        self._until[0] = time.monotonic() + MAX_STATEMENT_SECONDS
        return super().execute(sql, parameters)


def check_files(path: Path) -> int:
    """Returns the size of a store's file and its log. Raises StoreError unless these are regular files.

    SQLite opens by name whatever lies there, and waits for ever at a FIFO.
    """
    size = 0
    for part in _PARTS:
        beside = path.with_name(path.name + part)
        try:
            info = beside.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(info.st_mode):
            raise StoreError(f"{beside} is not a regular file: it is no store of gator")
        size += info.st_size
    return size


def harden(connection: sqlite3.Connection) -> None:
    """Bound what reading can do. Called before anything of the file is looked at."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def check_tables(connection: sqlite3.Connection, version: int, path: Path) -> None:
    """Raises StoreError unless all tables of a version are there, as tables that hold what was written."""
    for table, columns in columns_of(version).items():
        problem = _table_problem(connection, table, columns)
        if problem:
            raise StoreError(f"{path} is no store of gator: {table} {problem}")


def _table_problem(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str:
    found = connection.execute(
        "SELECT type, rootpage FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE LIMIT 2", (table,)
    ).fetchall()
    # A virtual table is a table without pages.
    if len(found) != 1 or found[0][0] != "table" or type(found[0][1]) is not int or found[0][1] <= 0:
        return "is not a table" if found else "is missing"
    info = {
        name: (kind, key, hidden)
        for _, name, kind, _, _, key, hidden in connection.execute(f"PRAGMA main.table_xinfo({table})")
    }
    lacking = [name for name in columns if name not in info]
    if lacking:
        return f"has no {lacking[0]}"
    if any(hidden for _, _, hidden in info.values()):
        return "has computed columns"
    number = _NUMBERED.get(table)
    if number is not None and (info[number][0].upper() != "INTEGER" or info[number][1] != 1):
        return f"is not numbered by {number}"
    return ""


@cache
def columns_of(version: int) -> Mapping[str, Sequence[str]]:
    """Returns the columns of each table in a version of the schema."""
    with _empty(version) as connection:
        return {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in _TABLES
        }


def temporary(table: str) -> str:
    """Returns the statement that makes an empty table of the newest version in a connection's own schema."""
    kinds = _declarations(table)
    keys = ", ".join(name for name, _, place in sorted(kinds, key=lambda kind: kind[2]) if place)
    columns = ", ".join(f"{name} {kind}" for name, kind, _ in kinds)
    return f"CREATE TEMP TABLE {table} ({columns}, PRIMARY KEY ({keys}))"


@cache
def _declarations(table: str) -> Sequence[tuple[str, str, int]]:
    """Returns name, type and place in the key of each column."""
    with _empty(len(MIGRATIONS)) as connection:
        return [(row[1], row[2], row[5]) for row in connection.execute(f"PRAGMA table_info({table})")]


@contextmanager
def _empty(version: int) -> Generator[sqlite3.Connection]:
    """A store of a version, in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        yield connection
    finally:
        connection.close()


def fetch(cursor: sqlite3.Cursor, *, measured: bool) -> list[Any]:
    """Returns all rows. Raises StoreError where `measured` ones hold more than fits into memory easily."""
    if not measured:
        return cursor.fetchall()
    rows: list[Any] = []
    room = MAX_ANSWER_BYTES
    for row in cursor:
        rows.append(row)
        room -= sum(len(value) for value in row if type(value) in (str, bytes))
        if room < 0:
            raise StoreError("the answer to one question has too many bytes: the store is damaged")
    return rows


class _Foreign(Protocol):
    """What reads files that may be damaged."""

    @property
    def source(self) -> Path:
        """The file or folder, for people."""
        ...


_Self = TypeVar("_Self", bound=_Foreign)
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


def told_as_damage(
    method: Callable[Concatenate[_Self, _Given], _Answer],
) -> Callable[Concatenate[_Self, _Given], _Answer]:
    """Decorates a method that reads: odd values in the file raise StoreError, which names it."""

    @wraps(method)
    def call(self: _Self, /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        try:
            return method(self, *args, **kwargs)
        except ODD_VALUE as error:
            raise damaged(self.source, error) from error

    return call


def damaged(path: Path, error: Exception) -> StoreError:
    """Returns what to say of a file with a value that no Gator wrote."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return StoreError(f"{path} is damaged: it holds a value that is none of gator's ({said})")
