import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gator.errors import StoreError
from gator.store import blocks
from gator.v1 import event_pb2

RAW, ZSTD = event_pb2.Block.ENCODING_RAW, event_pb2.Block.ENCODING_ZSTD


@given(st.binary(max_size=100), st.integers(1, 2000))
def test_any_bytes_come_back(data: bytes, times: int) -> None:
    encoding, kept = blocks.encode(data * times)
    assert encoding == (RAW if len(data) * times < blocks.MIN_PACKED_BYTES else ZSTD)
    assert blocks.decode(event_pb2.Block(encoding=encoding, data=kept)) == data * times


def test_packing_leaves_the_block_alone_and_keeps_what_it_says() -> None:
    data = b"x" * 100_000
    block = event_pb2.Block(encoding=RAW, data=data, first_line=7, continues=True)
    packed = event_pb2.Block.FromString(blocks.pack(block))
    assert (block.encoding, block.data) == (RAW, data)
    assert (packed.encoding, packed.first_line, packed.continues) == (ZSTD, 7, True)
    assert blocks.decode(packed) == data
    assert blocks.pack(packed) == packed.SerializeToString()


def test_a_block_whose_bytes_were_not_stored_has_none_and_says_which_lines_it_held() -> None:
    body = blocks.pack(event_pb2.Block(encoding=RAW, data=b"x\n" * 9, first_line=7, lines=9))
    light = event_pb2.Block.FromString(blocks.without_data(body))
    assert (light.first_line, light.lines) == (7, 9)
    assert blocks.decode(light) == b""


def _frame(data: bytes, *, with_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=with_size).compress(data)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (event_pb2.Block(encoding=ZSTD, data=_frame(bytes(blocks.MAX_BYTES + 1))), "exceeds 4 MiB"),
        (event_pb2.Block(encoding=ZSTD, data=_frame(b"x" * 9999, with_size=False)), "has no size"),
        (event_pb2.Block(encoding=RAW, data=bytes(blocks.MAX_BYTES + 1)), "exceeds 4 MiB"),
        (event_pb2.Block(encoding=ZSTD, data=b"nonsense"), "cannot be read"),
        (event_pb2.Block(encoding=ZSTD, data=_frame(b"x" * 9999)[:-3]), "cannot be read"),
        (event_pb2.Block(data=b"bytes"), "unknown encoding"),
    ],
)
def test_a_damaged_block_is_refused(block: event_pb2.Block, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        blocks.decode(block)
