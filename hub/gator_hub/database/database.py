"""The hub's database: SQLite or PostgreSQL behind the same few calls.

Rule: SQL is written once, with `?` for values, and is good for both.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

import peewee as pw

from gator.core.text import without_nul
from gator.errors import GatorError, StoreError, UnavailableError, UsageError
from gator_hub.database import files
from gator_hub.database.dialect import Dialect
from gator_hub.database.integrity import EMPTY, fault
from gator_hub.database.models import make_models
from gator_hub.database.schema import create_tables
from gator_hub.database.texts import file_of, one_line
from gator_hub.log import TroubleLog

BUSY_SECONDS = 30
"""How long a statement waits for a lock of another process."""
_PRAGMAS = (
    # Before all others: it is fixed once the file has a page. What is deleted gives its pages back later.
    ("auto_vacuum", "incremental"),
    ("journal_mode", "wal"),
    # What is committed survives the death of the process; only the machine's own may take the last moments.
    ("synchronous", "normal"),
    ("busy_timeout", BUSY_SECONDS * 1000),
    ("cache_size", -32 * 1024),
    ("temp_store", "memory"),
    ("wal_autocheckpoint", 4000),
)


# A plan made for any values walks a whole run where one for these values looks at a few rows, and to compile
# takes longer than to answer.
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c jit=off"

DAMAGED = "is damaged: restore a backup, see gator hub check"
"""What to say of a database that is broken, after its name, to who keeps it."""
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
# Out of resources, shut down, deadlock or serialisation: the server will take it another time.
_LATER = ("53", "57P", "40", "55P")


class DamagedError(StoreError):
    """The database is broken; says so to who asks, who can do nothing about it."""

    def __init__(self) -> None:
        super().__init__("the hub's database is damaged: its keeper has to restore a backup")


class Database:
    """Connections to one database, one for each thread that asks."""

    def __init__(self, pool: pw.Database, dialect: Dialect, name: str) -> None:
        self.dialect = dialect
        self.name = name
        """Where it is, for people; without a password."""
        self.is_new = False
        """Whether there were no tables of a hub when it was opened."""
        self.models = make_models(pool, dialect)
        self._pool = pool
        self._faults = _faults(dialect)
        self._lock = threading.Lock()
        self._open: list[Any] = []
        self._trouble = TroubleLog()

    @classmethod
    def open(cls, url: str, password: str | None = None) -> "Database":
        """The database at `sqlite:PATH` or `postgresql://USER@HOST:PORT/NAME`, with its tables created.

        Raises UsageError for another URL or a missing driver, and for what is no whole record that is known
        here; of that nothing is changed. Raises StoreError when it cannot be opened.
        """
        database = cls._of(url, password)
        try:
            # Of a file before it is opened to be written, which would change the way it is written.
            path = file_of(url)
            wrong = "" if path is None else _fault_of_file(path)
            wrong = wrong or fault(database.dialect, lambda sql: database._fetch(sql, ()))
            if wrong not in ("", EMPTY):
                raise UsageError(f"{database.name} {wrong}")
            database.is_new = wrong == EMPTY
            create_tables(database)
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
        """The rows that a SELECT gives. Raises UnavailableError or StoreError when they cannot be read.

        A connection that was cut since it was last used is made anew.
        """
        return self._read(lambda: self._fetch(sql, values))

    def rows(self, query: pw.Query) -> list[Any]:
        """Returns the rows of a query made from the models; otherwise as `query`."""
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
        """What who asks is told. What the database says is for the log: it names the hub's host and paths."""
        with self._lock:
            self._trouble.say("%s cannot be read: %s", self.name, one_line(error))
            if is_damaged(error):
                self._trouble.say("%s %s", self.name, DAMAGED)
        if is_damaged(error):
            return DamagedError()
        if is_passing(error):
            return UnavailableError("the hub cannot read its database now: try again, or see its log")
        return StoreError("the hub cannot read its database: see its log")

    def _fetch(self, sql: str, values: Sequence[object]) -> list[Any]:
        return list(self.execute(sql, values).fetchall())

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The cursor of a statement, on this thread's connection.

        Raises what peewee raises; what the cursor raises is the driver's own.
        """
        if self._pool.is_closed():
            self._connect()
        if self.dialect is Dialect.POSTGRES:
            sql = _with_percent(sql)
            # What cannot be kept may still be asked for.
            values = [clean(value) if type(value) is str else value for value in values]
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
        """One transaction that writes, on this thread's connection."""
        try:
            self.execute("BEGIN IMMEDIATE" if self.dialect is Dialect.SQLITE else "BEGIN")
            yield
            self.execute("COMMIT")
        except BaseException:
            # Also where it could not begin: a connection that was cut has to go.
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self.execute("ROLLBACK")
        except pw.PeeweeException:
            # The connection is gone, or SQLite has rolled back by itself.
            self.forget()

    def forget(self) -> None:
        """Close this thread's connection; the next call makes another."""
        if self._pool.is_closed():
            return
        with self._lock:
            self._open = [one for one in self._open if one is not self.connection]
        # Whatever a driver raises when it closes a broken connection: peewee has dropped it.
        with suppress(Exception):
            self._pool.close()

    def close(self) -> None:
        """Close the connections of all threads, which must not be in use any more."""
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

    The context does not tell: the compiled part of psycopg before 3.3.9 leaves an error that was handled
    earlier there.
    """
    return (getattr(error, "orig", None) or error) if isinstance(error, pw.PeeweeException) else error


def is_cut(error: BaseException) -> bool:
    """Whether a statement failed because the connection to a server broke, not because of what it said."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return False
    state = getattr(cause, "sqlstate", None)
    # Class 08 is a connection that broke, 57P0x a server that went down; without a state it never answered.
    if state is None:
        return type(cause).__name__ in ("OperationalError", "InterfaceError")
    return str(state).startswith(("08", "57P"))


def is_passing(error: BaseException) -> bool:
    """Whether it is the database's trouble, and not that of what it was told: the same may go well later."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _FULL
    return is_cut(error) or str(getattr(cause, "sqlstate", None) or "").startswith(_LATER)


def is_damaged(error: BaseException) -> bool:
    """Whether the database itself is broken, so that only another copy of it helps."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _BROKEN
    return getattr(cause, "sqlstate", None) in ("XX001", "XX002")


def _faults(dialect: Dialect) -> tuple[type[Exception], ...]:
    """What may come of a statement: wrapped by peewee, or as the driver raises it while it gives the rows."""
    if dialect is Dialect.SQLITE:
        return pw.PeeweeException, sqlite3.Error
    import psycopg

    return pw.PeeweeException, psycopg.Error


def _fault_of_file(path: Path) -> str:
    """As `fault`, of a file as it lies there; nothing where that does not tell."""
    # What another process has open, or left behind when it was killed, is not all in the file.
    if not path.exists() or any(part.exists() for part in files.parts(path)[1:]):
        return ""
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return fault(Dialect.SQLITE, lambda sql: connection.execute(sql).fetchall())


def _unopened(name: str, error: Exception) -> UsageError | StoreError:
    """What to say of a database that cannot be opened."""
    if is_damaged(error):
        return UsageError(f"{name} {DAMAGED}")
    return StoreError(f"cannot open {name}: {one_line(error)}: check --db and the server of the database")


def _sqlite(path: Path) -> pw.Database:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Connections are closed by the thread that closes the database, not by the one that made them.
    make = cast("Any", pw.SqliteDatabase)
    return make(
        str(path), pragmas=_PRAGMAS, timeout=BUSY_SECONDS, check_same_thread=False, cached_statements=256
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
        name, found, value = option.partition("=")
        if found:
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


def clean(text: str) -> str:
    """A text that every database takes: PostgreSQL refuses NUL."""
    return without_nul(text)


@lru_cache(maxsize=1024)
def _with_percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
