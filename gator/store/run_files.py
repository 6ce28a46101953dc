"""The stores of a run's folder, opened for reading only.

The rule: a file is opened when it is first needed and closed with the rest; nothing is ever written to one.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gator.errors import StoreError
from gator.events import FIELD_OF_KIND
from gator.store.connection import open_reader
from gator.v1 import event_pb2

ROOT = "root.db"
STORE_ID = "store"


class RunFiles:
    """One connection per store. Not safe for several threads at once: whoever shares it has a lock."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError when the root's store cannot be read."""
        self.folder = folder
        self._connections: dict[str, sqlite3.Connection] = {}
        self._files: dict[Path, str] = {}
        root = folder / "stores" / ROOT
        if not root.exists():
            raise StoreError(f"{folder} holds no record: the run never began, or its files were removed")
        self.catalogue = self._open(root)
        self.meta: Mapping[str, str] = dict(tuple(row) for row in self._meta(self.catalogue))
        self.died = False
        """The root died, and nobody wrote what was missing; what is shown is computed."""

    def close(self) -> None:
        """Close every file."""
        for connection in self._connections.values():
            connection.close()

    def complete(self) -> None:
        """Take into the catalogue what it lacks; for a run whose root is not alive."""
        from gator.store.run_closing import complete

        self.died = complete(self)

    def stores(self) -> Mapping[str, sqlite3.Connection]:
        """The connection of each store by its id, the root's first; new files are found."""
        for path in sorted((self.folder / "stores").glob("*.db")):
            if path not in self._files:
                try:
                    self._open(path)
                except StoreError:
                    # A daemon that is starting: its file has no tables yet.
                    continue
        return self._connections

    def positions(self) -> Mapping[str, int]:
        """The last sequence number of each store."""
        last: dict[str, int] = {}
        for store, connection in self.stores().items():
            (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
            last[store] = seq
        return last

    def query(self, store: str, sql: str, values: Sequence[Any]) -> list[Any]:
        """Rows of one store; none for a store that is not there."""
        connection = self._connection(store)
        return [] if connection is None else connection.execute(sql, values).fetchall()

    def read(
        self, store: str, where: str, values: Sequence[Any], limit: int, after: int
    ) -> tuple[list[event_pb2.Event], int]:
        """Events of one store that pass, in their order, and the place that was read up to.

        The place is the last one of the store when fewer than `limit` pass.
        """
        connection = self._connection(store)
        if connection is None:
            return [], after
        # Asked first, so that nothing that comes meanwhile is counted as read.
        (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        rows = connection.execute(
            "SELECT seq, path, attempt, kind, time_unix_nanos, body FROM events"  # noqa: S608 - constant parts
            f" JOIN subjects ON subjects.id = subject WHERE {where} AND seq <= ? ORDER BY seq LIMIT ?",
            [*values, last, limit],
        ).fetchall()
        events = [event_of(row) for row in rows]
        return events, events[-1].seq if len(events) == limit else max(last, after)

    def _connection(self, store: str) -> sqlite3.Connection | None:
        found = self._connections.get(store)
        return found if found is not None else self.stores().get(store)

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = open_reader(path)
        connection.row_factory = sqlite3.Row
        store = dict(tuple(row) for row in self._meta(connection))[STORE_ID]
        self._files[path] = store
        self._connections[store] = connection
        return connection

    @staticmethod
    def _meta(connection: sqlite3.Connection) -> list[Any]:
        return connection.execute("SELECT key, value FROM meta").fetchall()


def event_of(row: Any) -> event_pb2.Event:
    """An event by its row; without a payload where this version does not know its kind."""
    seq, path, attempt, kind, time, body = row
    event = event_pb2.Event(seq=seq, path=path, attempt=attempt, time_unix_nanos=time)
    field = FIELD_OF_KIND.get(kind)
    if field is not None:
        payload = getattr(event, field)
        payload.SetInParent()
        payload.ParseFromString(body)
    return event
