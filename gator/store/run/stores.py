"""The stores of a run's folder, opened for reading only, as queries need them.

Invariant: a file is opened when it is first needed, closed with the others, and never written.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from gator.errors import EmptyStoreError, StoreError
from gator.store.connection import open_reader
from gator.store.reader import BODY, SLICE_BYTES, EventRow, Reader, event_of, size_of
from gator.store.untrusted import damage_as_store_error
from gator.v1 import event_pb2

ROOT = "root.db"
_SELECT = (
    "SELECT e.seq, s.path, s.attempt, e.kind, e.severity, e.time_unix_nanos"
    " FROM events AS e JOIN subjects AS s ON s.id = e.subject"
)
_BODY = f"SELECT {BODY} FROM events AS e WHERE e.seq = ?"  # noqa: S608 - constant


class RunFiles:
    """A reader per store. Several threads may use it, one after the other."""

    def __init__(self, folder: Path, root: Reader | None = None) -> None:
        """Opens the root's store, or uses `root`: on some file systems only its owner can read it.

        Raises StoreError when the root's store cannot be read.
        """
        self.folder = folder
        self.connection: sqlite3.Connection | None = None
        """That of the root's store, unless it belongs to its owner."""
        path = folder / "stores" / ROOT
        if root is None:
            if not path.exists():
                raise StoreError(f"{folder} holds no record: the run never began, or its files were removed")
            self.connection = open_reader(path)
            root = Reader(self.connection, path)
        self.unreadable: dict[Path, str] = {}
        """Files that could not be opened at the last check, and why; empty ones are not included."""
        self.root = root
        self._readers: dict[str, Reader] = {root.store_id: root}
        self._known: set[Path] = {path}

    @property
    def source(self) -> Path:
        """The folder, for messages."""
        return self.folder

    def close(self) -> None:
        """Closes all files."""
        for reader in self._readers.values():
            reader.close()

    def readers(self) -> Mapping[str, Reader]:
        """Returns the reader of each store by its id, the root's first. Opens new files."""
        for path in sorted((self.folder / "stores").glob("*.db")):
            if path in self._known:
                continue
            try:
                reader = Reader.open(path)
            except EmptyStoreError:
                # A daemon that is starting has made its file, but not its tables.
                continue
            except StoreError as error:
                self.unreadable[path] = str(error)
                continue
            self.unreadable.pop(path, None)
            self._known.add(path)
            self._readers[reader.store_id] = reader
        return self._readers

    def reader(self, store: str) -> Reader | None:
        """Returns the reader of a store; None if there is no such store."""
        return self._readers.get(store) or self.readers().get(store)

    @damage_as_store_error
    def read(
        self, store: str, where: str, values: Sequence[object], limit: int, after: int
    ) -> tuple[list[event_pb2.Event], int]:
        """Events of one store that pass, in their order, and the place that was read up to.

        It ends after `limit` events, with the event that makes it 4 MiB, or at the end of the store.
        """
        reader = self.reader(store)
        if reader is None:
            return [], after
        # Asked first, so that nothing that comes meanwhile is counted as read.
        last = reader.tip()
        if last <= after:
            return [], after
        rows = reader.query(
            f"{_SELECT} WHERE {where} AND seq <= ? ORDER BY e.seq LIMIT ?", [*values, last, limit]
        )
        events: list[event_pb2.Event] = []
        size = 0
        for seq, path, attempt, kind, severity, time in rows:
            ((body,),) = reader.query(_BODY, (seq,))
            row: EventRow = (seq, path, attempt, kind, severity, time, body, 0)
            events.append(event_of(row))
            size += size_of(body)
            if size > SLICE_BYTES:
                return events, seq
        return events, events[-1].seq if len(events) == limit else last
