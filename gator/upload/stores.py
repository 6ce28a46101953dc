"""The stores of a run's folder as an uplink serves them: opened as they appear, asked for their tips.

The rule: they are only ever read, so whoever writes them never waits for this.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf.message import DecodeError

from gator.core.run_key import fits
from gator.errors import EmptyStoreError, StoreError
from gator.link.size_limits import shorten_description, shortened
from gator.run_folder import ROOT_STORE, RunFolder
from gator.store import Reader
from gator.store.run.description import description_of
from gator.v1 import attach_pb2, event_pb2


class StoreFile:
    """One store; `committed` is as new as the last `poll`."""

    def __init__(self, reader: Reader) -> None:
        """`reader` now belongs to it."""
        self._reader = reader
        self.id = reader.store_id
        self.committed = reader.tip()
        """The last sequence number that is known to be committed."""
        self.fault = ""
        """Why it cannot be read; empty while it can."""
        self.read_events = 0
        """Number of events that were read; those that are read again after a cut count once."""
        self._read_through: dict[bytes, int] = {}
        """By what is wanted."""

    @property
    def meta(self) -> Mapping[str, str]:
        """What it says of itself."""
        return self._reader.meta

    def poll(self) -> int:
        """Look how far it has come; the number of events since the last look. Raises StoreError."""
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
        """As `StoreView` says, no event larger than a hub takes. Raises StoreError."""
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
        """Of the root's store: when its root node was declared; 0 as long as it was not."""
        rows = self._reader.query("SELECT declared_unix_nanos FROM nodes WHERE parent = '' LIMIT 1")
        declared = rows[0][0] if rows else 0
        return declared if type(declared) is int and 0 < declared < 1 << 63 else 0

    def close(self) -> None:
        """Let the file go."""
        self._reader.close()


class RunStores:
    """The stores of one run, the root's first."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.opened: list[StoreFile] = []
        """In the order in which they were opened."""
        self.unreadable: dict[Path, str] = {}
        """Files that could not be opened at the last check, and why; empty ones are not included."""
        self._known: set[Path] = set()
        self._run = ""

    @property
    def root(self) -> StoreFile | None:
        """The root's store; None as long as it cannot be read."""
        return self.opened[0] if self.opened else None

    @property
    def fault(self) -> str:
        """Why one that was opened cannot be read any more; empty while all can."""
        return next((store.fault for store in self.opened if store.fault), "")

    @property
    def read_events(self) -> int:
        """Number of events that were read of all of them."""
        return sum(store.read_events for store in self.opened)

    def look(self) -> Sequence[StoreFile]:
        """Open what is new. Nothing is opened before the root's store."""
        self.unreadable.clear()
        found = [store for path in self._new_files() if (store := self._open(path)) is not None]
        self.opened += found
        return found

    @property
    def has_begun(self) -> bool:
        """Whether the root's store can be read and has its first event. Raises StoreError."""
        return bool(self.opened) and (self.opened[0].committed > 0 or self.opened[0].poll() > 0)

    def poll(self) -> int:
        """Look how far all have come; the number of events since the last look. Raises StoreError."""
        return sum(store.poll() for store in self.opened)

    def describe(self) -> attach_pb2.RunDescription:
        """What the root's store says of the run; only when it is open. Raises StoreError."""
        root = self.opened[0]
        try:
            description = description_of(root.meta, self.folder.path)
        except StoreError as error:
            root.fault = str(error)
            raise
        except (ValueError, TypeError, DecodeError) as error:
            root.fault = f"the record in {self.folder.path} is damaged: {error}"
            raise StoreError(root.fault) from error
        shorten_description(description)
        description.run.started_unix_nanos = root.root_declared_unix_nanos()
        return description

    def key(self) -> bytes:
        """Returns the secret of the run, which proves its ownership to a hub; empty if it cannot be read."""
        key = self.folder.read_key() or b""
        return key if fits(key, self._run) else b""

    def close(self) -> None:
        """Let all files go."""
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
            # Its daemon has just begun, or was ended with the run before it had anything to write.
            return None
        except StoreError as error:
            self.unreadable[path] = str(error)
            return None
        try:
            run = reader.meta.get("run", "")
            if not reader.store_id or not run or (self._run and run != self._run):
                raise StoreError(
                    f"{path} does not say that it belongs to this run: import the original folder"
                )
            store = StoreFile(reader)
        except StoreError as error:
            reader.close()
            self.unreadable[path] = str(error)
            return None
        self._run = run
        self._known.add(path)
        return store
