"""Reads what jobs wrote from the stores of a run's folder, live or ended.

Invariant: it knows only the record, not whether the run is alive.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gator.errors import StoreError
from gator.store import blocks
from gator.store.reader import Reader
from gator.v1 import attach_pb2, common_pb2, event_pb2

ROOT_STORE = "root.db"
_PIECE = 1000


class RunReader:
    """The stores of a folder. Several threads may use it, one after the other."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError if the root's store is not there or cannot be read."""
        self.folder = folder
        self._readers: dict[Path, Reader] = {}
        self.root = self._reader(folder / "stores" / ROOT_STORE)

    def close(self) -> None:
        """Closes all files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readers(self) -> Sequence[Reader]:
        """Returns a reader for each store that exists now, the root's first."""
        for path in sorted((self.folder / "stores").glob("*.db")):
            if path in self._readers:
                continue
            try:
                self._reader(path)
            except StoreError:
                # A daemon that is starting has made its file, but not its tables.
                continue
        return list(self._readers.values())

    # -- what an attempt left

    def raw_bytes(
        self, path: str, attempt: int, stream: common_pb2.Stream.ValueType = common_pb2.STREAM_UNSPECIFIED
    ) -> Iterator[bytes]:
        """Yields what an attempt wrote, in the order of reading; of both streams by default."""
        for block in self.blocks(path, attempt):
            if stream in (common_pb2.STREAM_UNSPECIFIED, block.stream):
                yield blocks.decode(block)

    def blocks(self, path: str, attempt: int) -> Iterator[event_pb2.Block]:
        """Yields the blocks of an attempt in the order of reading, one in memory at a time."""
        for reader in self._holders(path, attempt):
            for seq in reader.seqs_of(path, attempt, [attach_pb2.EVENT_KIND_BLOCK]):
                yield reader.block(seq)

    def events(
        self, path: str, attempt: int, kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Iterator[event_pb2.Event]:
        """Yields the events of some kinds of an attempt, or of a node with attempt 0."""
        for reader in self._holders(path, attempt):
            after = 0
            while found := reader.of_attempt(path, attempt, kinds, after, _PIECE).events:
                yield from found
                after = found[-1].seq

    def _holders(self, path: str, attempt: int) -> Iterator[Reader]:
        """Yields the stores with events of an attempt. The parent may have written some as well."""
        for reader in self.readers():
            if reader.query("SELECT 1 FROM subjects WHERE path = ? AND attempt = ?", (path, attempt)):
                yield reader

    def _reader(self, path: Path) -> Reader:
        reader = self._readers[path] = Reader.open(path)
        return reader
