"""Messages that are too large for a hub come to it in parts, so that none of its streams holds much unseen.

Rule: what is small enough goes whole, as all batches do that have more than one event.
"""

from collections.abc import Iterator

from gator.v1 import attach_pb2

MAX_BYTES = 128 * 1024
"""Most bytes of a message to a hub."""
BATCH_BYTES = MAX_BYTES - 512
"""Most bytes of a batch with more than one event."""
_PIECE_BYTES = MAX_BYTES - 64


def parts_of(request: attach_pb2.AttachRequest) -> Iterator[attach_pb2.AttachRequest]:
    """The message itself, or its parts in order."""
    if request.ByteSize() <= MAX_BYTES:
        yield request
        return
    data = request.SerializeToString()
    for begin in range(0, len(data), _PIECE_BYTES):
        end = begin + _PIECE_BYTES
        yield attach_pb2.AttachRequest(part=attach_pb2.Part(data=data[begin:end], more=end < len(data)))


def is_part(data: bytes) -> bool:
    """Whether a message that came is a part, as far as its first byte says."""
    return data[:1] == _TAG


_TAG = attach_pb2.AttachRequest(part=attach_pb2.Part()).SerializeToString()[:1]
