"""Connections to the file of a store: the owner's and those that only read.

Invariant: a reader never writes, not even the index of a write-ahead log.
"""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from gator.errors import EmptyStoreError, StoreError
from gator.store.filesystem import is_local
from gator.store.schema import check_version, create_tables, version_of
from gator.store.untrusted import Connection, check_files, check_tables, harden

_BUSY_SECONDS = 5.0
READ_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors of reading a damaged file; the text of an error may itself contain bytes of the file."""


def open_owner(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Creates a store. Returns its only writing connection, and whether others may read the file.

    On a local file system the log is written ahead and others read meanwhile. Elsewhere neither locks nor
    shared memory can be trusted, so the file belongs to this connection alone. Raises sqlite3.Error.
    """
    shared = is_local(path.parent)
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        if shared:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = OFF")
        create_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection, shared


def open_reader(path: Path) -> sqlite3.Connection:
    """Returns a read-only connection; the file may be growing, or be malicious if another user made it.

    Raises EmptyStoreError if it has no tables, StoreError if it is not a store, cannot be read, or has a
    newer version of the schema.
    """
    check_files(path)
    try:
        connection = _connect(path, "mode=ro")
    except READ_ERRORS as error:
        connection = _open_idle(path, error)
    try:
        version = version_of(connection)
        check_version(version)
        if version == 0:
            raise EmptyStoreError(f"{path} is not a store yet: its owner has not created the tables")
        check_tables(connection, path)
        connection.execute("PRAGMA query_only = ON")
    except StoreError:
        connection.close()
        raise
    except READ_ERRORS as error:
        connection.close()
        raise StoreError(f"{path} cannot be read: {error}") from error
    return connection


def error_code(error: sqlite3.Error) -> int:
    """SQLite's own extended code; 0 for an error that does not come from it."""
    return getattr(error, "sqlite_errorcode", 0)


def seal(path: Path) -> bool:
    """Brings a store without a writer into one file without a journal. Returns whether that succeeded.

    Afterwards read permission on the file is enough; no write permission on its folder is needed. A writer
    that was killed also left its reserve, which is removed.
    """
    reserve_of(path).unlink(missing_ok=True)
    try:
        check_files(path)
        connection = sqlite3.connect(f"{_uri(path)}?mode=rw", uri=True, timeout=0.2, isolation_level=None)
    except (sqlite3.Error, StoreError):
        return False
    try:
        return leave_journal(connection)
    finally:
        connection.close()


def reserve_of(path: Path) -> Path:
    """Returns the file whose space is given up when the disk is full."""
    return path.with_name(path.name + ".reserve")


def leave_journal(connection: sqlite3.Connection) -> bool:
    """Moves the write-ahead log into the file and ends its use. Returns false while others read the file."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA locking_mode = NORMAL")
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error:
        return False
    return mode == "delete"


def _uri(path: Path) -> str:
    return "file:" + quote(str(path.absolute()))


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{_uri(path)}?{options}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    try:
        harden(connection)
        # Opening is lazy: the first statement shows whether the file can be read.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _open_idle(path: Path, cause: Exception) -> sqlite3.Connection:
    """Returns a connection to an ended store that kept its mode, in a folder without write permission."""
    if not path.exists():
        raise StoreError(f"there is no store {path}") from cause
    if isinstance(cause, sqlite3.Error) and error_code(cause) == sqlite3.SQLITE_BUSY:
        raise StoreError(
            f"{path} belongs to its live owner alone on this file system: ask the run itself"
        ) from cause
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise StoreError(f"{path} cannot be read: {cause}; try as the user who ran it") from cause
    try:
        # There is no log beside the file and it has no writer, so it may be read as it is.
        return _connect(path, "mode=ro&immutable=1")
    except READ_ERRORS as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
