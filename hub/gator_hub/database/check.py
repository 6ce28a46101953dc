"""Implements `gator hub check` and `gator hub backup`.

Invariant: the database may be in use by a running hub, and nothing in it is changed.
"""

import fcntl
import os
import re
import secrets
import socket
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from msgspec import Struct

from gator.errors import GatorError, StoreError, UsageError, reason_of
from gator.hub_access.address import why_away
from gator.rpc.channel import open_blocking_channel
from gator.units import plural, size_text
from gator_hub.database import files
from gator_hub.database import lock as locks
from gator_hub.database.database import is_damaged
from gator_hub.database.dialect import Dialect
from gator_hub.database.integrity import KEEPS_SIZE, Fetch, fault
from gator_hub.database.texts import file_of, one_line

_ANSWER_SECONDS = 5.0
_INCREMENTAL = 2
"""Value of `PRAGMA auto_vacuum` for a file that can return its free pages to the disk."""
_HOLDER = re.compile(r"process (\d{1,9}) on (.+)")
_FAULTS = 3
"""Maximum number of faults of a database that are listed."""


class Finding(Struct, frozen=True):
    """The result of one check."""

    text: str
    good: bool


def look_at_database(url: str, find_password: Callable[[str], str | None] = lambda url: None) -> Finding:
    """Returns version, number of runs, size and integrity of a database, or why it cannot be read.

    `find_password` may raise GatorError or UsageError, which become the finding.
    """
    file = file_of(url)
    try:
        return _look_at_server(url, find_password(url)) if file is None else _look_at_file(file)
    except (GatorError, UsageError) as error:
        return Finding(one_line(error), good=False)


def _look_at_server(url: str, password: str | None) -> Finding:
    with closing(locks.connect(url, password)) as opened:
        import psycopg

        connection = cast("Any", opened)
        try:
            ((size,),) = connection.execute("SELECT pg_database_size(current_database())").fetchall()
            return _describe(url, Dialect.POSTGRES, lambda sql: connection.execute(sql).fetchall(), size, "")
        except psycopg.Error as error:
            raise StoreError(f"{url} cannot be read: {one_line(error)}") from error


def _look_at_file(file: Path) -> Finding:
    with _reading(file) as connection:
        faults = [row[0] for row in connection.execute(f"PRAGMA quick_check({_FAULTS})")]
        if faults != ["ok"]:
            return Finding(f"{file} is damaged: {one_line('; '.join(faults))}: restore a backup", good=False)
        size = sum(part.stat().st_size for part in files.parts(file) if part.exists())
        ((vacuum,),) = connection.execute("PRAGMA auto_vacuum").fetchall()
        sound = ", sound" if vacuum == _INCREMENTAL else f", sound; it {KEEPS_SIZE}"
        return _describe(
            str(file), Dialect.SQLITE, lambda sql: connection.execute(sql).fetchall(), size, sound
        )


def _describe(name: str, dialect: Dialect, fetch: Fetch, size: int, sound: str) -> Finding:
    wrong = fault(dialect, fetch)
    if wrong:
        return Finding(f"{name} {wrong}", good=False)
    ((version,),) = fetch("SELECT version FROM schema_version")
    ((runs,),) = fetch("SELECT count(*) FROM runs WHERE deleted = 0")
    text = f"{name}: {plural(runs, 'run')}, {size_text(size)}, version {version}"
    return Finding(text + sound, good=True)


def look_for_hub(address: str, ca: bytes | None = None) -> Finding:
    """Returns whether a hub answers at an address."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with open_blocking_channel(address, ca) as channel:
        stub = cast("Any", health_pb2_grpc.HealthStub(channel))
        request = health_pb2.HealthCheckRequest(service="gator.v1.HubService")
        try:
            answer = stub.Check(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            code, details = cast("Any", error).code(), str(cast("Any", error).details())
            if code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED):
                return Finding(f"{address} is served by something else than a hub", good=False)
            why = why_away(details, secure=ca is not None)
            return Finding(f"no hub answers at {address} ({why or code.name.lower()})", good=False)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return Finding(f"the hub at {address} is about to stop", good=False)
    return Finding(f"a hub serves at {address}", good=True)


def holder_of(url: str) -> str | None:
    """Returns a description of the process that serves a database file; empty if there is none.

    Returns None for PostgreSQL, because no lock file names the process.
    """
    file = file_of(url)
    if file is None:
        return None
    try:
        descriptor = os.open(locks.lock_file(Path(os.path.realpath(file))), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return ""


def figures_of(url: str, holder: str) -> str:
    """Returns figures of the process that `holder_of` names, if it runs on this host; empty if unknown."""
    file, match = file_of(url), _HOLDER.fullmatch(holder)
    if file is None or match is None or match[2] != socket.gethostname():
        return ""
    # Late, because only this command needs psutil.
    try:
        from gator_hub.database.figures import describe_process
    except ImportError:
        # The figures are an addition; without them the check is still complete.
        return ""

    return describe_process(int(match[1]), locks.lock_file(Path(os.path.realpath(file))))


def back_up(url: str, target: Path) -> int:
    """Copies the SQLite database of a hub, running or not, in one snapshot. Returns the copy's size in bytes.

    Raises UsageError if the target exists or cannot be created, or if the database is not that of a hub or is
    PostgreSQL; StoreError if it cannot be read or written. An incomplete copy never has the target's name.
    """
    source = file_of(url)
    if source is None:
        raise UsageError("gator hub backup copies only SQLite databases: use pg_dump -Fc -f FILE URL")
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists: choose another name or remove it")
    files.check_folder(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with _reading(source) as reader, closing(sqlite3.connect(draft)) as writer:
            _check_is_record(source, reader)
            # Copying all pages in one step gives a snapshot. A hub can write meanwhile.
            reader.backup(writer)
            # The copy is a single file, without a write-ahead log beside it.
            writer.execute("PRAGMA journal_mode = delete")
        _sync(draft)
        target.hardlink_to(draft)
        return target.stat().st_size
    except FileExistsError as error:
        raise UsageError(f"{target} exists: choose another name or remove it") from error
    except OSError as error:
        # The message omits the name of the draft, which the user does not know.
        raise UsageError(f"cannot write {target}: {reason_of(error)}: choose another name") from error
    except sqlite3.Error as error:
        raise StoreError(
            f"cannot write {target}: {one_line(error)}: check free space, or choose another name"
        ) from error
    finally:
        for part in files.parts(draft):
            part.unlink(missing_ok=True)


def _check_is_record(file: Path, reader: sqlite3.Connection) -> None:
    """Raises UsageError unless the file is a hub's. Newer versions and incomplete databases may be copied."""
    names = {name for (name,) in reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not {"schema_version", "runs"} <= names:
        raise UsageError(
            f"{file} is {'a database of another program' if names else 'empty'}: choose another --db"
        )


@contextmanager
def _reading(file: Path) -> Generator[sqlite3.Connection]:
    """Opens a read-only connection.

    Raises UsageError if the database is missing or damaged, StoreError if it cannot be read.
    """
    if not files.is_there(file):
        raise UsageError(f"there is no database {file}: run `gator hub serve` to create one")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=30)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield connection
    except sqlite3.Error as error:
        if is_damaged(error):
            raise UsageError(f"{file} is damaged ({one_line(error)}): restore a backup") from error
        raise StoreError(f"{file} cannot be read: {one_line(error)}") from error


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
