"""Splits messages that are too large for a hub into parts, which bounds the memory of each of its streams.

Invariant: small messages, and all batches with more than one event, are sent whole.
"""

from collections.abc import Iterator

from gator.v1 import attach_pb2

MAX_BYTES = 128 * 1024
"""Maximum size of a message to a hub."""
BATCH_BYTES = MAX_BYTES - 512
"""Maximum size of a batch with more than one event."""
_PIECE_BYTES = MAX_BYTES - 64


def parts_of(request: attach_pb2.AttachRequest) -> Iterator[attach_pb2.AttachRequest]:
    """Yields the message itself, or its parts in order."""
    if request.ByteSize() <= MAX_BYTES:
        yield request
        return
    data = request.SerializeToString()
    for begin in range(0, len(data), _PIECE_BYTES):
        end = begin + _PIECE_BYTES
        yield attach_pb2.AttachRequest(part=attach_pb2.Part(data=data[begin:end], more=end < len(data)))


def is_part(data: bytes) -> bool:
    """Returns whether a received message is a part, judged by its first byte."""
    return data[:1] == _TAG


_TAG = attach_pb2.AttachRequest(part=attach_pb2.Part()).SerializeToString()[:1]
