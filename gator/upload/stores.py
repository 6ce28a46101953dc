"""The stores in the folder of a run as an uplink serves them: polled, and shortened to what a hub takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gator.core.run_key import fits
from gator.errors import StoreError
from gator.link.size_limits import shorten_description, shortened
from gator.run_folder import RunFolder
from gator.store import RunStores, StoreReader
from gator.store.run.description import description_of
from gator.v1 import attach_pb2, event_pb2


class UploadedStore:
    """A store; `committed` is as of the last `poll`."""

    def __init__(self, reader: StoreReader) -> None:
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
        self, after: int, event_filter: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns events as `StoreView.read` does, shortened to the limits of a hub. Raises StoreError."""
        try:
            part = self._reader.read(after, event_filter, limit)
        except StoreError as error:
            self.fault = str(error)
            raise
        key = event_filter.SerializeToString(deterministic=True)
        before = self._read_through.get(key, 0)
        self.read_events += sum(event.seq > before for event in part.events)
        self._read_through[key] = max(before, part.through)
        return [shortened(event) for event in part.events], part.through

    def root_declared_unix_nanos(self) -> int:
        """Returns when the root node was declared; 0 if it was not. Only for the store of the root."""
        rows = self._reader.query("SELECT declared_unix_nanos FROM nodes WHERE parent = '' LIMIT 1")
        declared = rows[0][0] if rows else 0
        return declared if type(declared) is int and 0 < declared < 1 << 63 else 0


class UploadedRun:
    """The stores of one run, that of the root first."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.opened: list[UploadedStore] = []
        """The stores in the order in which they were opened."""
        self._stores = RunStores(folder.path)

    @property
    def unreadable(self) -> Mapping[Path, str]:
        """Files that could not be opened at the last `open_new`, and why; empty files are omitted."""
        return self._stores.unreadable

    @property
    def fault(self) -> str:
        """Why an opened store cannot be read any more; empty if all can."""
        return next((store.fault for store in self.opened if store.fault), "")

    @property
    def read_events(self) -> int:
        """Number of events read from all stores."""
        return sum(store.read_events for store in self.opened)

    def open_new(self) -> Sequence[UploadedStore]:
        """Opens new stores, none before that of the root. Returns them."""
        opened = [UploadedStore(reader) for reader in self._stores.find()]
        self.opened += opened
        return opened

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
        return key if fits(key, self.opened[0].run if self.opened else "") else b""

    def close(self) -> None:
        """Closes all files."""
        self._stores.close()
