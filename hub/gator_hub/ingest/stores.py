"""The stores of the runs whose events are being written, with their positions."""

from collections.abc import Iterable
from enum import IntEnum

import peewee as pw
from msgspec import Struct

from gator_hub.database.database import Database

MAX_KNOWN = 10_000
"""Maximum number of stores in memory."""

StoreKey = tuple[int, str]
"""Number of a run and id of a store: the sender chooses the ids, so they are unique only within a run."""


class Lane(IntEnum):
    """A separate stream of events of a store, with its own position, so that output does not delay states."""

    STATES = 1
    BULK = 2


class StoreEntry(Struct):
    """A store, with its position on each lane."""

    id: int
    run: int
    store: str
    states_seq: int = 0
    bulk_seq: int = 0

    def position(self, lane: Lane) -> int:
        """Returns the last sequence number that was taken on a lane."""
        return self.states_seq if lane is Lane.STATES else self.bulk_seq


class Stores:
    """The stores of a database. Recently used ones are in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[StoreKey, StoreEntry] = {}
        self._next = 0

    def load(self, keys: Iterable[StoreKey]) -> None:
        """Reads the entries that are not in memory."""
        unknown = sorted(key for key in keys if key not in self._known)
        if not unknown:
            return
        stores = self._database.models.stores
        query = stores.select(stores.id, stores.run, stores.store, stores.states_seq, stores.bulk_seq).where(
            stores.run.in_([run for run, _ in unknown]), stores.store.in_([name for _, name in unknown])
        )
        for row in self._database.run(query).fetchall():
            self._known[row[1], row[2]] = StoreEntry(*row)

    def entry(self, key: StoreKey) -> StoreEntry:
        """Returns the entry of a store that was loaded; a new entry for a new store."""
        entry = self._known.get(key)
        if entry is None:
            if not self._next:
                stores = self._database.models.stores
                last = stores.select(pw.fn.coalesce(pw.fn.max(stores.id), 0))
                self._next = self._database.run(last).fetchall()[0][0] + 1
            entry = self._known[key] = StoreEntry(self._next, *key)
            self._next += 1
        return entry

    def committed(self, moved: dict[StoreKey, StoreEntry]) -> None:
        """Records entries whose positions were committed."""
        self._known.update(moved)
        if len(self._known) > MAX_KNOWN:
            self._known.clear()

    def forget(self) -> None:
        """Drops the entries in memory, because they may not be in the database."""
        self._known.clear()
        self._next = 0
