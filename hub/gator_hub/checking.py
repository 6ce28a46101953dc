"""What `gator hub check` and `gator hub backup` do.

Rule: they look at a database beside a live hub, and change nothing in it.
"""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from msgspec import Struct

from gator import rpc
from gator.core.amounts import plural
from gator.core.pools import size_text
from gator.errors import GatorError, StoreError, UsageError
from gator.hub_access import why_away
from gator_hub import files
from gator_hub import lock as locks
from gator_hub.schema import VERSION
from gator_hub.wholeness import missing

_ANSWER_SECONDS = 5.0
_FAULTS = 3
"""Most faults of a database that are told."""


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    text: str
    good: bool


def look_at_database(url: str, password: str | None = None) -> Finding:
    """Version, runs, size and soundness of a database."""
    try:
        if url.startswith("sqlite:"):
            return _look_at_file(Path(url.removeprefix("sqlite:")))
        with closing(locks.connect(url, password)) as connection:
            (size,) = (
                cast("Any", connection).execute("SELECT pg_database_size(current_database())").fetchone()
            )
            return _describe(url, lambda sql: cast("Any", connection).execute(sql).fetchone(), size, "")
    except (GatorError, UsageError) as error:
        return Finding(str(error), good=False)


def _look_at_file(file: Path) -> Finding:
    with _reading(file) as connection:
        faults = [row[0] for row in connection.execute(f"PRAGMA quick_check({_FAULTS})")]
        if faults != ["ok"]:
            return Finding(f"{file} is damaged: {'; '.join(faults)}", good=False)
        size = sum(part.stat().st_size for part in files.parts(file) if part.exists())
        return _describe(str(file), lambda sql: connection.execute(sql).fetchone(), size, ", sound")


def _describe(name: str, one: Callable[[str], Any], size: int, sound: str) -> Finding:
    try:
        (version,) = one("SELECT version FROM schema_version")
        (runs,) = one("SELECT count(*) FROM runs WHERE deleted = 0")
    except Exception as error:  # each driver has its own; whatever it is, there are no tables of a hub
        return Finding(f"{name} is no database of a hub: {' '.join(str(error).split())}", good=False)
    lack = missing(version, one, (Exception,))  # as above
    if lack:
        return Finding(f"{name} {lack}", good=False)
    text = f"{name}: {plural(runs, 'run')}, {size_text(size)}, version {version}{sound}"
    if version > VERSION:
        return Finding(f"{text}; this gator knows version {VERSION} and cannot serve it", good=False)
    return Finding(text + (", brought to a newer one at the next start" * (version < VERSION)), good=True)


def look_for_hub(address: str, ca: bytes | None = None) -> Finding:
    """Whether a hub answers at an address."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with rpc.blocking_channel(address, ca) as channel:
        stub = cast("Any", health_pb2_grpc.HealthStub(channel))
        request = health_pb2.HealthCheckRequest(service="gator.v1.HubService")
        try:
            answer = stub.Check(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            code, said = cast("Any", error).code(), str(cast("Any", error).details())
            if code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED):
                return Finding(f"{address} is served by something else than a hub", good=False)
            why = why_away(said, secure=ca is not None)
            return Finding(f"no hub answers at {address} ({why or code.name.lower()})", good=False)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return Finding(f"the hub at {address} is about to stop", good=False)
    return Finding(f"a hub serves at {address}", good=True)


def holder_of(url: str) -> str | None:
    """Who serves the file of a hub, for people; empty when nobody does, None where no file tells."""
    if not url.startswith("sqlite:"):
        return None
    try:
        descriptor = os.open(
            locks.lock_file(Path(os.path.realpath(url.removeprefix("sqlite:")))), os.O_RDONLY | os.O_CLOEXEC
        )
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return ""


def back_up(url: str, target: Path) -> int:
    """Copy the record of a hub, live or not, as it is at one moment; the size of the copy in bytes.

    Raises UsageError when the target exists or cannot be made, or the database is none or PostgreSQL,
    StoreError when it cannot be read or written. Half a copy never has the name of the target.
    """
    if not url.startswith("sqlite:"):
        raise UsageError("a PostgreSQL database is backed up by its own means: pg_dump -Fc -f FILE URL")
    source = Path(url.removeprefix("sqlite:"))
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already: choose another name or remove it")
    files.check_folder(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with _reading(source) as reader, closing(sqlite3.connect(draft)) as writer:
            # All pages in one step are those of one moment; a hub that writes goes on beside it.
            reader.backup(writer)
            # One file that stands for itself, without a log beside it.
            writer.execute("PRAGMA journal_mode = delete")
        _sync(draft)
        target.hardlink_to(draft)
        return target.stat().st_size
    except FileExistsError as error:
        raise UsageError(f"{target} is there already: choose another name or remove it") from error
    except PermissionError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; choose another name") from error
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write {target}: {error}") from error
    finally:
        for part in files.parts(draft):
            part.unlink(missing_ok=True)


@contextmanager
def _reading(file: Path) -> Generator[sqlite3.Connection]:
    """A connection that cannot write. Raises UsageError when there is no database, or StoreError."""
    if not file.is_file():
        raise UsageError(f"there is no database {file}: gator hub serve makes one")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=30)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield connection
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise UsageError(f"{file} is no database: choose another --db") from error
        raise StoreError(f"{file} cannot be read: {error}") from error


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
