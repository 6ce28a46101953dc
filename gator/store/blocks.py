"""The bytes of blocks: packed by zstd where that pays, and unpacked with a bound on what comes out.

Invariant: a packed block is one complete frame that says how much it holds, so a reader knows beforehand.
"""

from gator.errors import StoreError
from gator.v1 import event_pb2

MIN_PACKED_BYTES = 4 * 1024
"""Smaller ones are kept as they are."""
MAX_BYTES = 4 * 1024 * 1024
"""Readers refuse what would be larger unpacked."""

Encoding = event_pb2.Block.Encoding.ValueType

_RAW = event_pb2.Block.ENCODING_RAW
_ZSTD = event_pb2.Block.ENCODING_ZSTD


def encode(data: bytes) -> tuple[Encoding, bytes]:
    """Returns the encoding of a block's bytes, and the bytes. May be called from any thread."""
    if len(data) < MIN_PACKED_BYTES:
        return _RAW, data
    # Imported late: most runs begin without a block that is worth packing.
    import zstandard

    # A compressor serves one thread at a time; making one costs little beside the work.
    return _ZSTD, zstandard.ZstdCompressor(level=1, write_content_size=True).compress(data)


def pack(block: event_pb2.Block) -> bytes:
    """Returns a serialised block, compressed if that saves space. Does not change the block."""
    if block.encoding != _RAW or len(block.data) < MIN_PACKED_BYTES:
        return block.SerializeToString()
    packed = event_pb2.Block()
    packed.CopyFrom(block)
    packed.encoding, packed.data = encode(block.data)
    return packed.SerializeToString()


def without_data(body: bytes) -> bytes:
    """Returns a serialised block without its bytes, which still says which lines it held."""
    block = event_pb2.Block.FromString(body)
    block.encoding = event_pb2.Block.ENCODING_UNSPECIFIED
    block.ClearField("data")
    return block.SerializeToString()


def decode(block: event_pb2.Block) -> bytes:
    """Returns the bytes of a block as they were read; empty if the disk was too full to store them.

    Raises StoreError for a block that is damaged, or of more than 4 MiB.
    """
    if block.encoding == _RAW:
        data = block.data
    elif block.encoding == _ZSTD:
        data = _unpack(block.data)
    elif block.encoding == event_pb2.Block.ENCODING_UNSPECIFIED and not block.data:
        return b""
    else:
        raise StoreError(f"a block of output has the unknown encoding {block.encoding}: use a newer gator")
    if len(data) > MAX_BYTES:
        raise StoreError("a block of output exceeds 4 MiB: the store is damaged")
    return data


def _unpack(data: bytes) -> bytes:
    import zstandard

    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MAX_BYTES:
            raise StoreError("a block of output has no size or exceeds 4 MiB: the store is damaged")
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise StoreError(f"a block of output cannot be read: {error}") from error
