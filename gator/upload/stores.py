"""The stores in the folder of a run, as an uplink serves them: opened when they appear, and polled.

Invariant: they are only read, so their writers never wait.
"""

from collections.abc import Sequence
from pathlib import Path

from gator.core.run_key import fits
from gator.errors import EmptyStoreError, StoreError
from gator.link.size_limits import shorten_description, shortened
from gator.run_folder import ROOT_STORE, RunFolder
from gator.store import Reader
from gator.store.run.description import description_of
from gator.v1 import attach_pb2, event_pb2


class StoreFile:
    """A store; `committed` is as of the last `poll`."""

    def __init__(self, reader: Reader) -> None:
        """Takes ownership of `reader`."""
        self._reader = reader
        self.id = reader.store_id
        self.committed = reader.tip()
        """The last sequence number known to be committed."""
        self.fault = ""
        """Why it cannot be read; empty if it can."""
        self.read_events = 0
        """Number of events read; those read again after a broken stream count once."""
        self._read_through: dict[bytes, int] = {}
        """The position read up to, by filter."""

    @property
    def run(self) -> str:
        """Id of the run that it belongs to."""
        return self._reader.info.run

    def describe(self, folder: Path) -> attach_pb2.RunDescription:
        """Returns the description of the run, for the root's store. Raises StoreError."""
        try:
            description = description_of(self._reader, folder)
        except StoreError as error:
            self.fault = str(error)
            raise
        shorten_description(description)
        description.run.started_unix_nanos = self.root_declared_unix_nanos()
        return description

    def poll(self) -> int:
        """Updates `committed`. Returns the number of new events. Raises StoreError."""
        before = self.committed
        try:
            self.committed = self._reader.tip()
        except StoreError as error:
            self.fault = str(error)
            raise
        return self.committed - before

    def read(
        self, after: int, wanted: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns events as `StoreView.read` does, shortened to the limits of a hub. Raises StoreError."""
        try:
            part = self._reader.events(after, wanted, limit)
        except StoreError as error:
            self.fault = str(error)
            raise
        key = wanted.SerializeToString(deterministic=True)
        before = self._read_through.get(key, 0)
        self.read_events += sum(event.seq > before for event in part.events)
        self._read_through[key] = max(before, part.through)
        return [shortened(event) for event in part.events], part.through

    def root_declared_unix_nanos(self) -> int:
        """Returns when the root node was declared; 0 if it was not. Only for the store of the root."""
        rows = self._reader.query("SELECT declared_unix_nanos FROM nodes WHERE parent = '' LIMIT 1")
        declared = rows[0][0] if rows else 0
        return declared if type(declared) is int and 0 < declared < 1 << 63 else 0

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()


class RunStores:
    """The stores of one run, that of the root first."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.opened: list[StoreFile] = []
        """The stores in the order in which they were opened."""
        self.unreadable: dict[Path, str] = {}
        """Files that could not be opened at the last poll, and why; empty files are omitted."""
        self._known: set[Path] = set()
        self._run = ""

    @property
    def root(self) -> StoreFile | None:
        """The store of the root; None if it cannot be read yet."""
        return self.opened[0] if self.opened else None

    @property
    def fault(self) -> str:
        """Why an opened store cannot be read any more; empty if all can."""
        return next((store.fault for store in self.opened if store.fault), "")

    @property
    def read_events(self) -> int:
        """Number of events read from all stores."""
        return sum(store.read_events for store in self.opened)

    def look(self) -> Sequence[StoreFile]:
        """Opens new stores, that of the root first. Returns them."""
        self.unreadable.clear()
        found = [store for path in self._new_files() if (store := self._open(path)) is not None]
        self.opened += found
        return found

    @property
    def has_begun(self) -> bool:
        """Returns whether the store of the root can be read and has its first event. Raises StoreError."""
        return bool(self.opened) and (self.opened[0].committed > 0 or self.opened[0].poll() > 0)

    def poll(self) -> int:
        """Polls all stores. Returns the number of new events. Raises StoreError."""
        return sum(store.poll() for store in self.opened)

    def describe(self) -> attach_pb2.RunDescription:
        """Returns the description of the run. The root's store must be open. Raises StoreError."""
        return self.opened[0].describe(self.folder.path)

    def key(self) -> bytes:
        """Returns the secret of the run, which proves its ownership to a hub; empty if it cannot be read."""
        key = self.folder.read_key() or b""
        return key if fits(key, self._run) else b""

    def close(self) -> None:
        """Closes all files."""
        for store in self.opened:
            store.close()

    def _new_files(self) -> list[Path]:
        if not self.opened:
            root = self.folder.stores / ROOT_STORE
            return [root] if root.exists() else []
        return [path for path in sorted(self.folder.stores.glob("*.db")) if path not in self._known]

    def _open(self, path: Path) -> StoreFile | None:
        try:
            reader = Reader.open(path)
        except EmptyStoreError:
            # Its daemon has just started, or ended with the run before it wrote anything.
            return None
        except StoreError as error:
            self.unreadable[path] = str(error)
            return None
        try:
            run = reader.info.run
            if not reader.store_id or not run or (self._run and run != self._run):
                raise StoreError(f"{path} does not belong to this run: import the original folder")
            store = StoreFile(reader)
        except StoreError as error:
            reader.close()
            self.unreadable[path] = str(error)
            return None
        self._run = run
        self._known.add(path)
        return store
