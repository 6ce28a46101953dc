"""The stores of one run: found in its folder, opened when they appear, and read together.

Invariant: files are only read, so their writers never wait.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gator.errors import EmptyStoreError, StoreError
from gator.store import blocks
from gator.store.reader import StoreReader
from gator.v1 import attach_pb2, common_pb2, event_pb2

ROOT = "root.db"
"""Name of the root's store."""


class RunStores:
    """The stores of a folder, the root's first. Its methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens nothing yet; see `find`, and `open` for a folder that must have a record."""
        self.folder = folder
        self.unreadable: Mapping[Path, str] = {}
        """Files that could not be opened at the last search, and why; empty files are omitted."""
        self._readers: dict[str, StoreReader] = {}
        self._known: set[Path] = set()
        self._run = ""
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path, root: StoreReader | None = None) -> "RunStores":
        """Returns the stores of a folder whose root's store is open.

        With `root`, the folder's root store is read through it: on some file systems only its owner can
        read it. Raises StoreError if the root's store cannot be read.
        """
        stores = cls(folder)
        path = folder / "stores" / ROOT
        if root is None:
            if not path.exists():
                raise StoreError(
                    f"{folder} contains no record: the run never began, or its files were removed"
                )
            root = StoreReader.open(path)
        try:
            stores._add(path, root)
        except StoreError:
            root.close()
            raise
        return stores

    @property
    def root(self) -> StoreReader:
        """The reader of the root's store, which must be open."""
        return next(iter(self._readers.values()))

    def find(self) -> Sequence[StoreReader]:
        """Opens new stores, none before the root's. Returns their readers."""
        with self._lock:
            unreadable: dict[Path, str] = {}
            opened = [] if self._readers else self._open([self.folder / "stores" / ROOT], unreadable)
            if self._readers:
                files = sorted((self.folder / "stores").glob("*.db"))
                opened += self._open([path for path in files if path not in self._known], unreadable)
            self.unreadable = unreadable
            return opened

    def readers(self) -> Mapping[str, StoreReader]:
        """Returns the reader of each store that exists now by its id, the root's first."""
        with self._lock:
            self.find()
            return dict(self._readers)

    def reader(self, store: str) -> StoreReader | None:
        """Returns the reader of a store; None if there is no such store."""
        return self._readers.get(store) or self.readers().get(store)

    # -- one attempt

    def events(
        self, path: str, attempt: int, kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Iterator[event_pb2.Event]:
        """Yields the events of some kinds of an attempt. The parent may have written some as well."""
        event_filter = attach_pb2.EventFilter(kinds=kinds)
        for reader in self.readers().values():
            for part in reader.slices(event_filter, path=path, attempt=attempt):
                yield from part.events

    def output(
        self, path: str, attempt: int, stream: common_pb2.Stream.ValueType = common_pb2.STREAM_UNSPECIFIED
    ) -> Iterator[bytes]:
        """Yields the output of an attempt in the order of reading; that of both streams by default.

        Raises StoreError for a damaged block.
        """
        for event in self.events(path, attempt, [attach_pb2.EVENT_KIND_BLOCK]):
            if not event.HasField("block"):
                raise StoreError(event.log.text)
            if stream in (common_pb2.STREAM_UNSPECIFIED, event.block.stream):
                yield blocks.decode(event.block)

    def close(self) -> None:
        """Closes all files."""
        for reader in self._readers.values():
            reader.close()

    def __enter__(self) -> "RunStores":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, paths: Sequence[Path], unreadable: dict[Path, str]) -> list[StoreReader]:
        """Opens files. Returns their readers, and adds the reasons for the others to `unreadable`."""
        opened: list[StoreReader] = []
        for path in paths:
            if not self._readers and not path.exists():
                continue
            try:
                reader = StoreReader.open(path)
            except EmptyStoreError:
                # Its daemon has made the file but not its tables, or was killed before it did.
                continue
            except StoreError as error:
                unreadable[path] = str(error)
                continue
            try:
                self._add(path, reader)
            except StoreError as error:
                reader.close()
                unreadable[path] = str(error)
            else:
                opened.append(reader)
        return opened

    def _add(self, path: Path, reader: StoreReader) -> None:
        """Adds an open store. Raises StoreError if it is damaged or not a store of this run."""
        info = reader.info
        reader.tip()
        if not info.id or not info.run or info.run != (self._run or info.run) or info.id in self._readers:
            raise StoreError(f"{path} does not belong to this run: use the original folder")
        self._run = info.run
        self._known.add(path)
        self._readers[info.id] = reader
