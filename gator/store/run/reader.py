"""Reads the stores of one run's folder, live or ended: what jobs wrote.

The rule: it knows the record only; whether the run lives is for others to say.
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
        """Let all files go."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readers(self) -> Sequence[Reader]:
        """A reader for each store there is by now, the root's first."""
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
        """What an attempt wrote, in pieces in the order of reading; of both streams unless one is named."""
        for block in self.blocks(path, attempt):
            if stream in (common_pb2.STREAM_UNSPECIFIED, block.stream):
                yield blocks.decode(block)

    def blocks(self, path: str, attempt: int) -> Iterator[event_pb2.Block]:
        """The blocks of an attempt in the order of reading, one in memory at a time."""
        for reader in self._holders(path, attempt):
            for seq in reader.seqs_of(path, attempt, [attach_pb2.EVENT_KIND_BLOCK]):
                yield reader.block(seq)

    def events(
        self, path: str, attempt: int, kinds: Sequence[attach_pb2.EventKind.ValueType]
    ) -> Iterator[event_pb2.Event]:
        """The events of an attempt, or of a node with attempt 0, of some kinds: logs, metrics, samples."""
        for reader in self._holders(path, attempt):
            after = 0
            while found := reader.of_attempt(path, attempt, kinds, after, _PIECE).events:
                yield from found
                after = found[-1].seq

    def _holders(self, path: str, attempt: int) -> Iterator[Reader]:
        """The stores that have events of an attempt; the parent may have written some as well."""
        for reader in self.readers():
            if reader.query("SELECT 1 FROM subjects WHERE path = ? AND attempt = ?", (path, attempt)):
                yield reader

    def _reader(self, path: Path) -> Reader:
        reader = self._readers[path] = Reader.open(path)
        return reader
