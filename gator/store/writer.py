"""The thread that writes a store: whatever has gathered becomes one transaction as soon as it is free.

Invariant: callbacks of commits run in the order of the appends, on the owner's thread.
"""

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from time import monotonic, sleep

from msgspec import Struct, field

from gator.errors import DiskFullError, StoreError
from gator.runtime import diagnostics
from gator.store import blocks
from gator.store.catalogue import upsert
from gator.store.catalogue.changes import Changes
from gator.store.connection import error_code, leave_journal, reserve_of
from gator.store.subjects import EventRow, Subjects
from gator.v1 import attach_pb2, event_pb2

Then = Callable[[], None]
Post = Callable[[Then], object]
"""Hands a callable to the owner's thread, as `loop.call_soon_threadsafe` does."""

RESERVE_BYTES = 8 * 1024 * 1024
"""Size of the file that is given up when the disk is full.

What stands in the write-ahead log then has to move into the file before its room is free again. So this is
more than such a log ever has: 1,000 pages, at which SQLite moves them, and one transaction.
"""

_MAX_BYTES = 2 * 1024 * 1024
_MAX_ROWS = 2048
_MIN_FREE_BYTES = 64 * 1024
_PATIENCE_SECONDS = 3.0
_PAUSE_SECONDS = 0.05
_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)
_SAMPLE = int(attach_pb2.EVENT_KIND_SAMPLE)


class State(Enum):
    """The state of a writer."""

    OPEN = "open"
    FULL = "full"
    """The reserve was given up: what is plain is dropped from now on."""
    FAILED = "failed"
    """Nothing can be written any more."""
    CLOSED = "closed"


class Work(Struct):
    """The data of one call: rows to store, and events of this or another store for the catalogue."""

    rows: Sequence[EventRow] = ()
    events: Sequence[event_pb2.Event] = ()
    store: str = ""
    through: int = 0
    size_bytes: int = 0
    then: Then | None = None


class _Gathered(Struct):
    """The work of one transaction."""

    rows: list[EventRow] = field(default_factory=list[EventRow])
    changes: Changes = field(default_factory=Changes)
    positions: dict[str, int] = field(default_factory=dict[str, int])
    thens: deque[Then] = field(default_factory=deque[Then])
    size_bytes: int = 0


PACE_SECONDS = 0.004
"""Least time between the beginnings of two gatherings: a commit with its two changes of threads costs some
0.2 ms of processor time, which a row of very short jobs would pay twice each."""


class Writer:
    """Owns the writing connection from its start to its end."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        post: Post,
        on_state: Callable[[State], None],
        on_commit: Then | None = None,
    ) -> None:
        """Starts the thread. `on_state` is called on the owner's thread on a full disk and a failed write."""
        self.committed = 0
        """The last sequence number that is committed."""
        self.written_bytes = 0
        """Bytes of all work that is done."""
        self.dropped = 0
        """Number of blocks and samples whose contents were not stored because the disk was full."""
        self.state = State.OPEN
        self.failure: StoreError | None = None
        self.turn = threading.Lock()
        """Held during each transaction, for others that must use the same connection."""
        self._connection, self._path, self._post = connection, path, post
        self._on_state, self._on_commit = on_state, on_commit
        self._subjects = Subjects()
        self._log = diagnostics.logger("store")
        self._queue: deque[Work] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._next = 0.0
        self._thread = threading.Thread(target=self._run, name=f"store {path.stem}", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Adds work. Never waits."""
        self._queue.append(work)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Writes all pending work, brings the file into its final form and ends the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    # -- the thread

    def _run(self) -> None:
        try:
            while not self._closing or self._queue:
                self._wake.wait()
                self._wake.clear()
                while self._queue:
                    self._wait_for_more()
                    self._write(self._gather())
                    self._next = monotonic() + PACE_SECONDS
        except (sqlite3.Error, StoreError, OSError, MemoryError) as error:
            self._fail(error)
        except BaseException as error:
            # Whatever it was: who waits for a commit has to learn that there will be none.
            self._fail(error)
            raise
        finally:
            # A borrower may still be reading.
            with self.turn:
                leave_journal(self._connection)
                self._connection.close()
            if self.state is not State.FAILED:
                self.state = State.CLOSED

    def _wait_for_more(self) -> None:
        """Waits for more work after a recent commit; after a pause the first work is written immediately."""
        rest = self._next - monotonic()
        if rest > 0 and not self._closing and len(self._queue) < _MAX_ROWS:
            sleep(rest)

    def _fail(self, error: BaseException) -> None:
        self.failure = error if isinstance(error, StoreError) else _failure(self._path, error)
        self.state = State.FAILED
        self._hand_over(lambda: self._on_state(State.FAILED))

    def _gather(self) -> _Gathered:
        gathered = _Gathered()
        while self._queue and len(gathered.rows) < _MAX_ROWS and gathered.size_bytes < _MAX_BYTES:
            work = self._queue.popleft()
            for row in work.rows:
                body = row[6]
                if isinstance(body, event_pb2.Block):
                    row = (*row[:6], blocks.pack(body))
                gathered.rows.append(row)
            if work.events:
                gathered.changes.take(work.store, work.events)
            if work.through:
                gathered.positions[work.store] = work.through
            if work.then is not None:
                gathered.thens.append(work.then)
            gathered.size_bytes += work.size_bytes
        return gathered

    def _write(self, gathered: _Gathered) -> None:
        if self.state is State.FULL:
            self._lighten(gathered)
        try:
            self._commit(gathered)
        except sqlite3.Error as error:
            if not self._is_full(error):
                raise
            if self.state is not State.FULL:
                self._give_up_reserve()
                self._lighten(gathered)
                # Only now, because the owner reads `dropped` as soon as it learns of the full disk.
                self._hand_over(lambda: self._on_state(State.FULL))
            self._write_at_last(gathered)
        if self._log is not None:
            self._log.debug(
                "%s: commit of %d events, %d bytes; %d calls wait",
                self._path.name,
                len(gathered.rows),
                gathered.size_bytes,
                len(self._queue),
            )
        self._subjects.committed()
        if gathered.rows:
            self.committed = gathered.rows[-1][0]
        self.written_bytes += gathered.size_bytes
        if gathered.thens or (gathered.rows and self._on_commit is not None):
            self._hand_over(lambda: self._call(gathered.thens, bool(gathered.rows)))

    def _commit(self, gathered: _Gathered) -> None:
        connection = self._connection
        with self.turn:
            connection.execute("BEGIN IMMEDIATE")
            try:
                upsert.INSERT_EVENTS.run(connection, self._subjects.bind(connection, gathered.rows))
                changes = gathered.changes
                upsert.UPSERT_NODES.run(connection, changes.nodes.values())
                upsert.UPSERT_ATTEMPTS.run(connection, changes.attempts.values())
                upsert.UPSERT_METRICS.run(connection, changes.metrics.values())
                positions = [{"store": store, "seq": seq} for store, seq in gathered.positions.items()]
                upsert.UPSERT_POSITIONS.run(connection, positions)
                connection.execute("COMMIT")
            except BaseException:
                # SQLite ends a transaction by itself after some errors.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._subjects.rolled_back()
                raise

    def _call(self, thens: deque[Then], stored: bool) -> None:
        try:
            while thens:
                thens.popleft()()
        finally:
            if thens:
                # One that raised must not keep the others from being called.
                self._post(lambda: self._call(thens, stored))
        if stored and self._on_commit is not None:
            self._on_commit()

    def _hand_over(self, call: Then) -> None:
        try:
            self._post(call)
        except RuntimeError:
            # The owner's loop is closed, so no caller waits. Committed rows remain.
            return

    # -- a full disk

    def _is_full(self, error: sqlite3.Error) -> bool:
        code = error_code(error)
        if code == sqlite3.SQLITE_FULL:
            return True
        disk = os.statvfs(self._path.parent)
        return code & 0xFF == sqlite3.SQLITE_IOERR and disk.f_bavail * disk.f_frsize < _MIN_FREE_BYTES

    def _give_up_reserve(self) -> None:
        self.state = State.FULL
        reserve_of(self._path).unlink(missing_ok=True)
        try:
            # The log shrinks by what is moved into the file, and from now on stays small.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA wal_autocheckpoint = 64")
        except sqlite3.Error:
            # It may need more room than there is; the reserve alone has to do then.
            pass

    def _write_at_last(self, gathered: _Gathered) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._commit(gathered)
            except sqlite3.Error as error:
                if not self._is_full(error):
                    raise
                if time.monotonic() > end:
                    raise _no_room(self._path) from error
            else:
                return
            # Other daemons find the same disk full too; a moment later they write as little.
            time.sleep(_PAUSE_SECONDS)

    def _lighten(self, gathered: _Gathered) -> None:
        """Drops the contents of plain events, which have their numbers already."""
        for at, row in enumerate(gathered.rows):
            body = row[6]
            if row[3] == _BLOCK and isinstance(body, bytes):
                gathered.rows[at] = (*row[:6], blocks.without_data(body))
                self.dropped += 1
            elif row[3] == _SAMPLE:
                gathered.rows[at] = (*row[:6], b"")
                self.dropped += 1


def _failure(path: Path, error: BaseException) -> StoreError:
    return StoreError(f"{path} cannot be written any more: {error}")


def _no_room(path: Path) -> DiskFullError:
    return DiskFullError(f"no space left on the disk of {path}: free some space, then run again")
