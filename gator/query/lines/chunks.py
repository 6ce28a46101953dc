r"""Splits blocks of output into chunks of whole lines.

Blocks are cut by time and size, so a line may begin in one and end in another. A chunk consists of whole
lines of one stream.

Invariant: the concatenated chunks of a stream are the stream.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from gator.v1 import common_pb2, event_pb2

PIECE_BYTES = 1024 * 1024
"""Size of the pieces of longer lines; all pieces have the number of their line."""


class Chunk(Struct, frozen=True):
    """Whole lines of one stream."""

    stream: common_pb2.Stream.ValueType
    severity: common_pb2.Severity.ValueType
    """Severity of its lines, except those that have their own."""
    first_line: int
    """Number of its first line, from 1."""
    piece: int
    """Index of the piece of the first line with which it begins, from 0."""
    data: bytes
    """The lines with their ends; only the last line of a stream, or a piece, may lack it."""
    time: int
    """Time at which its last byte was read, in nanoseconds since 1970 UTC."""
    start_seq: int
    """Event in which its first line begins; reading from there gives the same lines."""


class _Track:
    """The rest of a stream after the last line end."""

    __slots__ = ("carry", "number", "pieces", "severity", "start_seq", "time")

    def __init__(self) -> None:
        self.carry = b""
        self.number = 0
        """Number of the unfinished line."""
        self.pieces = 0
        """Number of pieces of that line that were returned."""
        self.start_seq = 0
        """Sequence number of the event in which that line begins."""
        self.severity = common_pb2.SEVERITY_UNSPECIFIED
        self.time = 0

    def begin(self, number: int, seq: int) -> None:
        """Starts a new line, which does not continue the rest."""
        self.carry, self.number, self.pieces, self.start_seq = b"", number, 0, seq

    def chunk(self, stream: common_pb2.Stream.ValueType, data: bytes) -> Chunk:
        """Returns a chunk that begins with the unfinished line."""
        return Chunk(stream, self.severity, self.number, self.pieces, data, self.time, self.start_seq)


class Chunker:
    """Splits the blocks of one attempt into chunks, in the order of reading."""

    __slots__ = ("_bytes_of", "_tracks")

    def __init__(self, bytes_of: Callable[[event_pb2.Block], bytes]) -> None:
        """Initialises it; `bytes_of` decodes a block."""
        self._bytes_of = bytes_of
        self._tracks: dict[common_pb2.Stream.ValueType, _Track] = {}

    def feed(self, seq: int, block: event_pb2.Block) -> Iterator[Chunk]:
        """Yields the chunks that a block completes. `seq` is the sequence number of its event."""
        track = self._tracks.setdefault(block.stream, _Track())
        data = self._bytes_of(block)
        if (track.carry or track.pieces) and block.continues and block.first_line == track.number:
            data = track.carry + data
        else:
            if track.carry:
                # Blocks in between were not stored, so the line has no end.
                yield track.chunk(block.stream, track.carry)
            track.begin(block.first_line, seq)
        track.severity, track.time = block.severity, block.last_read_unix_nanos
        end = data.rfind(b"\n") + 1
        if end:
            yield track.chunk(block.stream, data[:end])
            track.begin(track.number + data.count(b"\n", 0, end), seq)
        while len(data) - end > PIECE_BYTES:
            yield track.chunk(block.stream, data[end : end + PIECE_BYTES])
            end += PIECE_BYTES
            track.pieces += 1
        track.carry = data[end:]

    def finish(self) -> Iterator[Chunk]:
        """Yields the last lines, which have no end yet."""
        for stream, track in self._tracks.items():
            if track.carry:
                yield track.chunk(stream, track.carry)
                track.carry = b""

    def resume_seq(self, seq: int) -> int:
        """Returns the first event that is needed to continue after the event `seq`."""
        begun = (track.start_seq for track in self._tracks.values() if track.carry or track.pieces)
        return min(begun, default=seq + 1)
