"""The hub's database: SQLite or PostgreSQL behind one interface.

Invariant: SQL is written once, with `?` for values, and is valid for both databases.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from logging import getLogger
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

import peewee as pw

from gator.errors import GatorError, StoreError, UnavailableError, UsageError
from gator_hub.database import files
from gator_hub.database.dialect import Dialect
from gator_hub.database.integrity import EMPTY, fault
from gator_hub.database.models import make_models
from gator_hub.database.schema import VERSION, create_tables
from gator_hub.database.texts import file_of, one_line, storable
from gator_hub.log import DatabaseErrorLog

_log = getLogger("gator.hub")

BUSY_SECONDS = 30
"""Timeout in seconds of a statement that waits for the lock of another process."""
_PRAGMAS = (
    # First, because it cannot be changed once the file has a page. It lets the file shrink later.
    ("auto_vacuum", "incremental"),
    ("journal_mode", "wal"),
    # Commits survive the death of the process; a crash of the machine may lose the most recent ones.
    ("synchronous", "normal"),
    ("busy_timeout", BUSY_SECONDS * 1000),
    ("cache_size", -32 * 1024),
    ("temp_store", "memory"),
    ("wal_autocheckpoint", 4000),
)


# A generic plan may scan a whole run where a plan for the given values reads a few rows. JIT compilation
# takes longer than these queries.
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c jit=off"

DAMAGED = "is damaged: restore a backup, see gator hub check"
"""Message for the administrator about a damaged database, to follow its name."""
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
# SQLSTATE prefixes of transient errors: lack of resources, shutdown, deadlock, serialization, locks.
_LATER = ("53", "57P", "40", "55P")


class DamagedError(StoreError):
    """The database is damaged. The message is for clients, who cannot repair it."""

    def __init__(self) -> None:
        super().__init__("the hub's database is damaged: its administrator has to restore a backup")


class Database:
    """Connections to one database, one for each thread that uses it."""

    def __init__(self, pool: pw.Database, dialect: Dialect, name: str) -> None:
        self.dialect = dialect
        self.name = name
        """Path or URL of the database for messages, without a password."""
        self.is_new = False
        """Whether the database was empty when it was opened."""
        self.models = make_models(pool, dialect)
        self._pool = pool
        self._faults = _faults(dialect)
        self._lock = threading.Lock()
        self._open: list[Any] = []
        self._trouble = DatabaseErrorLog()

    @classmethod
    def open(cls, url: str, password: str | None = None) -> "Database":
        """Opens the database at `sqlite:PATH` or `postgresql://USER@HOST:PORT/NAME` and creates its tables.

        Raises UsageError for another URL, for a missing driver, and for a database that is not a complete hub
        database of a known version, which is left unchanged. Raises StoreError if it cannot be opened.
        """
        database = cls._of(url, password)
        try:
            # A file is checked before it is opened for writing, because opening it changes its journal mode.
            path = file_of(url)
            wrong = "" if path is None else _fault_of_file(path)
            wrong = wrong or fault(database.dialect, lambda sql: database._fetch(sql, ()))
            if wrong not in ("", EMPTY):
                raise UsageError(f"{database.name} {wrong}")
            database.is_new = wrong == EMPTY
            version = create_tables(database)
            if 0 < version < VERSION:
                _log.info("upgraded %s from version %d to %d", database.name, version, VERSION)
        except database._faults as error:
            database.close()
            raise _unopened(database.name, error) from error
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _of(cls, url: str, password: str | None) -> "Database":
        path = file_of(url)
        if path is not None:
            return cls(_sqlite(path), Dialect.SQLITE, str(path))
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise UsageError(
                f"cannot use {url!r} as a database: write sqlite:PATH or postgresql://USER@HOST/NAME"
            )
        return cls(_postgres(url, password), Dialect.POSTGRES, _without_password(url))

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Returns the rows of a SELECT. Raises UnavailableError or StoreError if they cannot be read.

        If the connection was lost since its last use, the query is repeated on a new one.
        """
        return self._read(lambda: self._fetch(sql, values))

    def rows(self, query: pw.Query) -> list[Any]:
        """Returns the rows of a query made from the models. Otherwise like `query`."""
        return self._read(lambda: list(self.run(query).fetchall()))

    def _read(self, fetch: Callable[[], list[Any]]) -> list[Any]:
        try:
            return fetch()
        except self._faults as error:
            if not is_cut(error):
                raise self._unread(error) from error
            self.forget()
        try:
            return fetch()
        except self._faults as error:
            raise self._unread(error) from error

    def _unread(self, error: Exception) -> GatorError:
        """Returns the error for the client. Logs the message of the database, which names hosts and paths."""
        with self._lock:
            self._trouble.log("%s cannot be read: %s", self.name, one_line(error))
            if is_damaged(error):
                self._trouble.log("%s %s", self.name, DAMAGED)
        if is_damaged(error):
            return DamagedError()
        if is_transient(error):
            return UnavailableError("the hub cannot read its database now: try again, or see its log")
        return StoreError("the hub cannot read its database: see its log")

    def _fetch(self, sql: str, values: Sequence[object]) -> list[Any]:
        return list(self.execute(sql, values).fetchall())

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Executes a statement on this thread's connection. Returns its cursor.

        Raises the errors of peewee; the cursor raises those of the driver.
        """
        if self._pool.is_closed():
            self._connect()
        if self.dialect is Dialect.POSTGRES:
            sql = _with_percent(sql)
            # PostgreSQL refuses NUL in parameters of queries, too.
            values = [storable(value) for value in values]
        return cast("Any", self._pool).execute_sql(sql, tuple(values))

    def run(self, query: pw.Query) -> Any:
        """Returns the cursor of a query made from the models, as `execute` does."""
        if self._pool.is_closed():
            self._connect()
        return cast("Any", self._pool).execute(query)

    @property
    def connection(self) -> Any:
        """This thread's connection of sqlite3 or psycopg."""
        if self._pool.is_closed():
            self._connect()
        return cast("Any", self._pool).connection()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Runs a writing transaction on this thread's connection. Commits it, or rolls back on an error."""
        try:
            self.execute("BEGIN IMMEDIATE" if self.dialect is Dialect.SQLITE else "BEGIN")
            yield
            self.execute("COMMIT")
        except BaseException:
            # This includes a BEGIN that failed: a lost connection has to be closed.
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self.execute("ROLLBACK")
        except pw.PeeweeException:
            # The connection is gone, or SQLite has already rolled back.
            self.forget()

    def forget(self) -> None:
        """Closes this thread's connection. The next call opens a new one."""
        if self._pool.is_closed():
            return
        with self._lock:
            self._open = [connection for connection in self._open if connection is not self.connection]
        # A driver may raise any error when it closes a broken connection. Peewee has dropped it already.
        with suppress(Exception):
            self._pool.close()

    def close(self) -> None:
        """Closes the connections of all threads. None of them may be in use."""
        self.forget()
        with self._lock:
            self._trouble.close()
            left, self._open = self._open, []
        for connection in left:
            connection.close()

    def _connect(self) -> None:
        self._pool.connect()
        with self._lock:
            self._open.append(self.connection)


def cause_of(error: BaseException) -> BaseException:
    """Returns the error of the driver that peewee has wrapped, or the error itself.

    The context is not used, because compiled psycopg before 3.3.9 may leave an error there that was handled
    earlier.
    """
    return (getattr(error, "orig", None) or error) if isinstance(error, pw.PeeweeException) else error


def is_cut(error: BaseException) -> bool:
    """Returns whether a statement failed because the connection to the server was lost."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return False
    state = getattr(cause, "sqlstate", None)
    # Class 08 is a lost connection, 57P0x a server that shuts down. No state means that no server answered.
    if state is None:
        return type(cause).__name__ in ("OperationalError", "InterfaceError")
    return str(state).startswith(("08", "57P"))


def is_transient(error: BaseException) -> bool:
    """Returns whether the error is temporary, so that the same statement may succeed later."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _FULL
    return is_cut(error) or str(getattr(cause, "sqlstate", None) or "").startswith(_LATER)


def is_damaged(error: BaseException) -> bool:
    """Returns whether the database itself is damaged, so that a backup has to be restored."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _BROKEN
    return getattr(cause, "sqlstate", None) in ("XX001", "XX002")


def _faults(dialect: Dialect) -> tuple[type[Exception], ...]:
    """Returns the errors that statements raise. Peewee does not wrap those raised while rows are fetched."""
    if dialect is Dialect.SQLITE:
        return pw.PeeweeException, sqlite3.Error
    import psycopg

    return pw.PeeweeException, psycopg.Error


def _fault_of_file(path: Path) -> str:
    """Returns the `fault` of a file without opening it for writing; empty if other files belong to it."""
    # A file that is open elsewhere, or was when its process was killed, may have content in its log.
    if not path.exists() or any(part.exists() for part in files.parts(path)[1:]):
        return ""
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return fault(Dialect.SQLITE, lambda sql: connection.execute(sql).fetchall())


def _unopened(name: str, error: Exception) -> UsageError | StoreError:
    """Returns the error for a database that cannot be opened."""
    if is_damaged(error):
        return UsageError(f"{name} {DAMAGED}")
    return StoreError(f"cannot open {name}: {one_line(error)}: check --db and the database server")


def _sqlite(path: Path) -> pw.Database:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        path.touch(0o644)
    # A thread that connects later must not create a file that was removed: SQLite would read the log of the
    # removed one into it and call it damaged. The thread that closes the database closes the connections of
    # all threads.
    make = cast("Any", pw.SqliteDatabase)
    return make(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        pragmas=_PRAGMAS,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        cached_statements=256,
    )


def _postgres(url: str, password: str | None) -> pw.Database:
    try:
        import psycopg
    except ImportError as error:
        raise UsageError("PostgreSQL needs its driver: pip install 'gator[postgres]'") from error
    del psycopg
    parts = urlsplit(url)
    given = {
        "host": unquote(parts.hostname or "") or None,
        "port": parts.port,
        "user": unquote(parts.username or "") or None,
        "password": password if password is not None else (unquote(parts.password or "") or None),
    }
    for option in parts.query.split("&"):
        name, equals, value = option.partition("=")
        if equals:
            given[name] = unquote(value)
    given["options"] = f"{_OPTIONS} {given.get('options', '')}"
    make = cast("Any", pw.PostgresqlDatabase)
    return make(
        unquote(parts.path.lstrip("/")) or None,
        prefer_psycopg3=True,
        **{name: value for name, value in given.items() if value is not None},
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")).geturl()


@lru_cache(maxsize=1024)
def _with_percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
