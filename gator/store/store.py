"""A store as its one owner sees it: events are appended here and nowhere else.

Invariant: sequence numbers are given in the order of the calls, without gaps, by this class alone.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from gator.errors import DiskFullError, StoreError, reason_of
from gator.event_kinds import CATALOGUED_KINDS, DROP_BELOW, KIND_OF_FIELD, filter_severity
from gator.store.catalogue.upsert import INSERT_STORE
from gator.store.connection import error_code, open_owner, reserve_of
from gator.store.reader import Slice, StoreReader
from gator.store.subjects import EventRow
from gator.store.writer import RESERVE_BYTES, Post, State, Then, Work, Writer
from gator.v1 import attach_pb2, event_pb2

_ROW_BYTES = 64
"""Size in bytes of a row without its body, an estimate for the amount of data that waits."""

_KINDS = {field: int(kind) for field, kind in KIND_OF_FIELD.items()}
_CATALOGUED = frozenset(int(kind) for kind in CATALOGUED_KINDS)
_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)

OnFailed = Callable[[StoreError], None]


class Store:
    """The store of a daemon. All methods are called on one thread, except `close`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        store_id: str,
        *,
        shared: bool,
        catalogue: bool,
        post: Post,
        on_commit: Then | None,
        on_disk_full: Then | None,
        on_failed: OnFailed | None,
    ) -> None:
        self.path, self.store_id = path, store_id
        self._connection, self._shared, self._catalogue = connection, shared, catalogue
        self._on_disk_full, self._on_failed = on_disk_full, on_failed
        self._seq = 0
        self._put_bytes = 0
        self._dropped = 0
        self._positions: dict[str, int] = {}
        self._reader: StoreReader | None = None
        self._writer = Writer(connection, path, post, self._on_state, on_commit)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        store_id: str,
        run: str,
        daemon: str,
        host: str,
        catalogue: bool,
        post: Post,
        description: attach_pb2.RunDescription | None = None,
        on_commit: Then | None = None,
        on_disk_full: Then | None = None,
        on_failed: OnFailed | None = None,
    ) -> "Store":
        """Returns a new store in a new file.

        `store_id` is 128 random bits in hexadecimal; `catalogue` says whether nodes and attempts are kept as
        well; `post` hands a callable to the thread that uses the store. `description` is that of the run, in
        a root's store. `on_commit` is called after each commit that stored events, after the callbacks of
        that commit. `on_disk_full` is called once, when blocks and samples begin to be dropped.
        `on_failed` is called once, when nothing can be written any more; pending callbacks are not called
        then.

        Raises StoreError if the file exists or cannot be created, DiskFullError if there is no room for it.
        """
        if path.exists():
            raise StoreError(f"{path} exists: a store is written by one process only")
        _make_reserve(path)
        try:
            connection, shared = open_owner(path)
            described = None if description is None else description.SerializeToString(deterministic=True)
            INSERT_STORE.run(connection, [(store_id, run, daemon, host, described)])
        except sqlite3.Error as error:
            is_full = error_code(error) == sqlite3.SQLITE_FULL or _lacks_inodes(path.parent)
            reserve_of(path).unlink(missing_ok=True)
            if is_full:
                raise _no_room(path) from error
            raise StoreError(f"cannot create the store {path}: {error}") from error
        return cls(
            connection,
            path,
            store_id,
            shared=shared,
            catalogue=catalogue,
            post=post,
            on_commit=on_commit,
            on_disk_full=on_disk_full,
            on_failed=on_failed,
        )

    # -- writing

    def append(self, events: Sequence[event_pb2.Event], then: Then | None = None) -> int:
        """Appends events, which get their `seq` here and must not be changed afterwards.

        `then` is called after the commit, in the order of the calls; without events it only waits for its
        turn. Gives the last sequence number given so far. Never waits. When the disk is full, blocks,
        samples and log events below WARNING are dropped: their `seq` stays 0.

        Raises StoreError if the store cannot be written any more, or is closed.
        """
        self._check()
        rows: list[EventRow] = []
        catalogued: list[event_pb2.Event] = []
        size = 0
        for event in events:
            name = event.WhichOneof("payload")
            if name is None:
                raise StoreError(f"an event of {event.path} without a known payload cannot be stored")
            kind = _KINDS[name]
            payload = getattr(event, name)
            severity = filter_severity(kind, payload)
            if self._writer.state is State.FULL and _is_plain(kind, severity):
                self._dropped += 1
                continue
            if kind == _BLOCK:
                # It is packed by the writing thread, beside this one.
                body: bytes | event_pb2.Block = payload
                size += len(payload.data)
            else:
                body = packed = payload.SerializeToString()
                size += len(packed)
            size += _ROW_BYTES
            self._seq += 1
            event.seq = self._seq
            rows.append((self._seq, event.path, event.attempt, kind, severity, event.time_unix_nanos, body))
            if self._catalogue and kind in _CATALOGUED:
                catalogued.append(event)
        self._put(Work(rows, catalogued, self.store_id, 0, size, then))
        return self._seq

    def absorb(self, batch: attach_pb2.Batch, then: Then | None = None) -> None:
        """Adds a batch of another store to the catalogue, and its position, in one transaction.

        The events themselves stay in their own store. Those at or below the position are dropped; `batch`
        must not be changed afterwards. Order and `then` are as with `append`.

        Raises StoreError for a batch that begins beyond the position, which has a gap before it, and as
        `append` does.
        """
        self._check()
        position = self.position(batch.store)
        if batch.after > position:
            raise StoreError(
                f"a batch of the store {batch.store} begins after {batch.after} "
                f"and {position} was the last: subscribe again"
            )
        events = batch.events if batch.after == position else [e for e in batch.events if e.seq > position]
        through = max(position, batch.through)
        self._positions[batch.store] = through
        size = _ROW_BYTES * (1 + len(events))
        self._put(Work((), events if self._catalogue else (), batch.store, through, size, then))

    def position(self, store_id: str) -> int:
        """Returns the position up to which another store was absorbed; 0 if none of it was."""
        return self._positions.get(store_id, 0)

    @property
    def last(self) -> int:
        """The last sequence number given, committed or not."""
        return self._seq

    @property
    def committed(self) -> int:
        """The last sequence number that is committed; may be read on any thread."""
        return self._writer.committed

    @property
    def pending_bytes(self) -> int:
        """Bytes that were handed over and are not committed yet. Who reads pipes stops at some MiB."""
        return self._put_bytes - self._writer.written_bytes

    @property
    def dropped(self) -> int:
        """Number of events whose contents were not stored because the disk was full."""
        return self._dropped + self._writer.dropped

    # -- reading

    def read(self, after: int, event_filter: attach_pb2.EventFilter, limit: int = 1000) -> Slice:
        """Returns up to `limit` committed events after a position that match a filter; see `StoreReader`."""
        if self.committed <= after:
            return Slice((), after)
        if self._reader is None:
            self._reader = self.reader()
        return self._reader.read(after, event_filter, limit)

    def reader(self) -> StoreReader:
        """Returns a reader of this store for one thread at a time, on every file system."""
        if self._shared:
            return StoreReader.open(self.path)
        # The file is this connection's alone, so reading waits for the transaction that is being written.
        return StoreReader(self._connection, self.path, self._writer.turn, borrowed=True)

    # -- the end

    def close(self) -> None:
        """Writes everything and leaves one file without a journal. Blocks; may be called on any thread.

        Callbacks of the last commits are still posted. Raises StoreError if something could not be written.
        """
        if self._reader is not None:
            # While any process reads it, even this one, the file keeps its write-ahead log.
            self._reader.close()
            self._reader = None
        self._writer.close()
        reserve_of(self.path).unlink(missing_ok=True)
        if self._writer.failure is not None:
            raise self._writer.failure

    def _check(self) -> None:
        if self._writer.failure is not None:
            raise self._writer.failure
        if self._writer.state is State.CLOSED:
            raise StoreError(f"{self.path} is closed")

    def _put(self, work: Work) -> None:
        self._put_bytes += work.size_bytes
        self._writer.put(work)

    def _on_state(self, state: State) -> None:
        if state is State.FULL and self._on_disk_full is not None:
            self._on_disk_full()
        elif state is State.FAILED and self._on_failed is not None and self._writer.failure is not None:
            self._on_failed(self._writer.failure)


def _is_plain(kind: int, severity: int) -> bool:
    return severity < DROP_BELOW[kind]


def _make_reserve(path: Path) -> None:
    try:
        fd = os.open(reserve_of(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        finally:
            os.close(fd)
    except OSError as error:
        reserve_of(path).unlink(missing_ok=True)
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise _no_room(path) from error
        raise StoreError(f"the store {path} cannot be made: {reason_of(error)}") from error


def _lacks_inodes(folder: Path) -> bool:
    """Returns whether a file system has no free inodes, which SQLite reports as "unable to open"."""
    room = os.statvfs(folder)
    # A file system without a fixed number of inodes reports 0 of 0.
    return room.f_files > 0 and room.f_favail == 0


def _no_room(path: Path) -> DiskFullError:
    return DiskFullError(
        f"no room for the store {path}: free some space or files, or name another folder with --tracking"
    )
