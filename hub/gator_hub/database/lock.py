"""One hub for each database: a lock that ends with its process, however that ends."""

import fcntl
import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gator.errors import UnavailableError, UsageError
from gator_hub.database.texts import file_of, one_line

if TYPE_CHECKING:
    import psycopg

_KEY = 7_268_402
"""Of the advisory lock that a hub holds as long as it serves."""
_CONNECT_SECONDS = 10
_RELEASE_SECONDS = 1.0
# Else the server would keep the lock of a host that vanished for hours.
_KEEPALIVE = (("tcp_keepalives_idle", 30), ("tcp_keepalives_interval", 10), ("tcp_keepalives_count", 3))


class HubLock(Protocol):
    """The right to serve a database."""

    def is_held(self) -> bool:
        """Whether it is; False only when another hub has it, or its database is gone.

        It may wait for the database, so it is not to be called on a loop.
        """
        ...

    def release(self, *, discard: bool = False) -> None:
        """Give it back; `discard` takes away what was made for it."""
        ...


def take(url: str, password: str | None = None) -> HubLock:
    """The lock of the database at a URL; makes the folder of a file.

    Raises UsageError when another hub has it, UnavailableError when the database cannot be reached.
    """
    file = file_of(url)
    return PostgresLock(url, password) if file is None else FileLock(file)


class FileLock:
    """Of a file: an flock on another beside it."""

    def __init__(self, database: Path) -> None:
        """Raises UsageError."""
        # Two names of one file must not make two locks.
        self._file = real = Path(os.path.realpath(database))
        self._mark: tuple[int, int] | None = None
        self._lock_file = lock_file(real)
        self._is_new = not self._lock_file.exists()
        self._descriptor = self._open()
        while not self._is_there():
            # A hub that could not start took the file away, between our opening and locking it.
            os.close(self._descriptor)
            self._descriptor = self._open()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _open(self) -> int:
        """A descriptor of the file, locked."""
        file, database = self._lock_file, self._file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}; choose another --db") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise UsageError(
                f"{database} is served by another hub ({holder}): use that one, or another --db and --port"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise UsageError(
                f"cannot lock {file}: {error.strerror}; put the database on a local file system"
            ) from error
        return descriptor

    def _is_there(self) -> bool:
        """Whether the file that is locked is the one that others find."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._lock_file.stat())
        except OSError:
            return False

    def is_held(self) -> bool:
        """The lock ends with the process; but a file that is removed or replaced is written on by who has it.

        The file is the one that is there at the first call.
        """
        try:
            info = self._file.stat()
        except FileNotFoundError:
            return self._mark is None
        except OSError:
            # It cannot be seen, as on a disk that is away: that says nothing.
            return True
        mark = info.st_dev, info.st_ino
        self._mark = self._mark or mark
        return mark == self._mark

    def release(self, *, discard: bool = False) -> None:
        """Give it back. The file stays, unless it is to go and was made by this one."""
        if discard and self._is_new:
            self._lock_file.unlink(missing_ok=True)
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_file(database: Path) -> Path:
    """The file that stands for a database."""
    return database.with_name(database.name + ".lock")


class PostgresLock:
    """Of a PostgreSQL database: an advisory lock of a connection that stays open."""

    def __init__(self, url: str, password: str | None = None) -> None:
        """Raises UsageError when another hub has it, UnavailableError when the server cannot be reached."""
        self._url, self._password = url, password
        self._lock = threading.Lock()
        self._connection = connect(url, password)
        if not self._try():
            self._connection.close()
            raise UsageError(f"{url} is served by another hub: use that one, or another --db and --port")

    def _try(self) -> bool:
        for name, value in _KEEPALIVE:
            self._connection.execute(f"SET {name} = {value}".encode())
        row: Any = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
        return bool(row[0])

    def is_held(self) -> bool:
        """Whether it is, or nobody can say because the server is away."""
        import psycopg

        with self._lock:
            try:
                if not self._connection.closed:
                    self._connection.execute("SELECT 1")
                    return True
            except psycopg.Error:
                self._connection.close()
            try:
                self._connection = connect(self._url, self._password)
                held = self._try()
            except (psycopg.Error, UnavailableError, UsageError):
                # Whoever keeps this hub from the database keeps others too.
                held = True
            else:
                if held:
                    return True
            # A connection that stays open is one that holds the lock.
            self._connection.close()
            return held

    def release(self, *, discard: bool = False) -> None:
        """Give it back; nothing was made for it."""
        del discard
        import psycopg

        with self._lock, suppress(psycopg.Error):
            # The server lets go some time after a connection is closed, and the next hub may come sooner. It
            # is asked by hand, as one that is away must not be waited for.
            link = self._connection.pgconn
            link.send_query(b"SELECT pg_advisory_unlock_all()")
            select.select([link.socket], [], [], _RELEASE_SECONDS)
        self._connection.close()


def connect(url: str, password: str | None = None) -> "psycopg.Connection[Any]":
    """A connection that commits each statement. Raises UsageError without driver, UnavailableError."""
    try:
        import psycopg
    except ImportError as error:
        raise UsageError("PostgreSQL needs its driver: pip install 'gator[postgres]'") from error
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            password=password,
            connect_timeout=_CONNECT_SECONDS,
            application_name="gator hub",
        )
    except psycopg.OperationalError as error:
        if error.pgconn is not None and error.pgconn.needs_password:
            raise PasswordNeededError(
                f"{url} asks for a password: set PGPASSWORD, or write it into ~/.pgpass"
            ) from error
        raise UnavailableError(f"cannot reach {url}: {one_line(error)}") from error
    except psycopg.Error as error:
        raise UsageError(f"--db {url}: {one_line(error)}") from error


class PasswordNeededError(UsageError):
    """The server wants a password, and none was found."""
