"""A lock for each database, so that one hub serves it. It is released when the process ends or is killed."""

import fcntl
import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gator.errors import UnavailableError, UsageError, reason_of
from gator_hub.database.texts import file_of, one_line

if TYPE_CHECKING:
    import psycopg

_KEY = 7_268_402
"""Key of the advisory lock in PostgreSQL that a hub holds while it serves."""
_CONNECT_SECONDS = 10
_RELEASE_SECONDS = 1.0
# Without keepalives the server would hold the lock of a lost host for hours.
_KEEPALIVE = (("tcp_keepalives_idle", 30), ("tcp_keepalives_interval", 10), ("tcp_keepalives_count", 3))


class HubLock(Protocol):
    """The right to serve a database."""

    def remember_file(self) -> None:
        """Identifies the file of the database, for later calls of `is_held`."""
        ...

    def is_held(self) -> bool:
        """Returns whether the lock is held; False only if another hub has it or its database is gone.

        It may wait for the database, so it must not be called on an event loop.
        """
        ...

    def release(self, *, discard: bool = False) -> None:
        """Releases the lock. With `discard`, files that were created for it are removed."""
        ...


def take(url: str, password: str | None = None) -> HubLock:
    """Acquires the lock of the database at a URL. Creates the folder of a file.

    Raises UsageError if another hub has it, UnavailableError if the database cannot be reached.
    """
    file = file_of(url)
    return PostgresLock(url, password) if file is None else FileLock(file)


class FileLock:
    """The lock of a file: an flock on a second file beside it."""

    def __init__(self, database: Path) -> None:
        """Raises UsageError if another hub has the lock, or the lock file cannot be written or locked."""
        # Symbolic links are resolved, because two names of one file must not give two locks.
        self._file = real = Path(os.path.realpath(database))
        self._inode: tuple[int, int] | None = None
        """Device and inode of the database file; None before `remember_file`."""
        self._lock_file = lock_file(real)
        self._is_new = not self._lock_file.exists()
        self._descriptor = self._open()
        while not self._is_there():
            # A hub that could not start removed the file between our opening and our locking it.
            os.close(self._descriptor)
            self._descriptor = self._open()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _open(self) -> int:
        """Opens and locks the lock file. Returns its descriptor."""
        file, database = self._lock_file, self._file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {reason_of(error)}: choose another --db") from error
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
                f"cannot lock {file}: {reason_of(error)}: put the database on a local file system"
            ) from error
        return descriptor

    def _is_there(self) -> bool:
        """Returns whether the locked file is still the one at the path."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._lock_file.stat())
        except OSError:
            return False

    def remember_file(self) -> None:
        """Identifies the database file by its inode."""
        with suppress(OSError):
            info = self._file.stat()
            self._inode = info.st_dev, info.st_ino

    def is_held(self) -> bool:
        """Returns False once the database file was removed or replaced since `remember_file`.

        The process still has the lock then, but it would write to the old file.
        """
        try:
            info = self._file.stat()
        except FileNotFoundError:
            return self._inode is None
        except OSError:
            # An unreadable file, as on a disk that is unavailable, is not known to be replaced.
            return True
        return self._inode is None or self._inode == (info.st_dev, info.st_ino)

    def release(self, *, discard: bool = False) -> None:
        """Releases the lock. With `discard`, the lock file is removed if this object created it."""
        if discard and self._is_new:
            self._lock_file.unlink(missing_ok=True)
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_file(database: Path) -> Path:
    """Returns the path of the lock file of a database."""
    return database.with_name(database.name + ".lock")


class PostgresLock:
    """The lock of a PostgreSQL database: an advisory lock of a connection that stays open."""

    def __init__(self, url: str, password: str | None = None) -> None:
        """Raises UsageError if another hub has it, UnavailableError if the server cannot be reached."""
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

    def remember_file(self) -> None:
        """Does nothing, because there is no file."""

    def is_held(self) -> bool:
        """Returns whether the lock is held; True if the server is unavailable. Reconnects if needed."""
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
                # While this hub cannot reach the database, other hubs are assumed not to reach it either.
                held = True
            else:
                if held:
                    return True
            # An open connection means that the lock is held, so a connection without the lock is closed.
            self._connection.close()
            return held

    def release(self, *, discard: bool = False) -> None:
        """Releases the lock. `discard` has no effect, because no files were created for it."""
        del discard
        import psycopg

        with self._lock, suppress(psycopg.Error):
            # After a connection is closed, the server takes some time to release its locks, and the next hub
            # may start sooner. libpq is called directly, to bound the wait for an unavailable server.
            link = self._connection.pgconn
            link.send_query(b"SELECT pg_advisory_unlock_all()")
            select.select([link.socket], [], [], _RELEASE_SECONDS)
        self._connection.close()


def connect(url: str, password: str | None = None) -> "psycopg.Connection[Any]":
    """Opens a connection in autocommit mode.

    Raises UsageError for a missing driver, a missing password or an invalid URL; UnavailableError if the
    server cannot be reached.
    """
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
    """The server requires a password, and none was found."""
