"""Limits the memory of the messages of all roots.

Invariant: a received message is kept as bytes, and is parsed only when there is memory for the result.
"""

import asyncio

from gator.errors import ProtocolError, UnavailableError
from gator.link import message_parts
from gator.link.size_limits import MAX_ENTRIES, entries_of
from gator.rpc.limits import ConnectionQuota, FairSemaphore
from gator.v1 import attach_pb2
from gator_hub.database.texts import SAME_VERSION
from gator_hub.ingest.stores import Lane

MAX_BYTES = 64 * 1024 * 1024
"""Maximum number of bytes held; while it is reached, no further message is parsed."""
MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Maximum size in bytes of the messages that wait. A root whose message would exceed it has to reconnect."""
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Maximum size in bytes of a message of a root, all parts together. See `gator.link.size_limits`."""
UNPACKED_TIMES = 50
"""Maximum ratio of the memory of a parsed message to its size, reached by lists of empty messages."""
_EVENT_BYTES = 200
"""Memory in bytes that a parsed event takes in addition to its size."""
_ENTRY_BYTES = 100
"""Memory in bytes that an entry in a list of a parsed event takes in addition to its size."""
_MAX_ENTRIES_OF_BATCH = 8 * MAX_ENTRIES
"""Maximum number of list entries in one batch. Roots gather no larger batches of several events."""
_SMALL_BYTES = 1024
"""Mean size in bytes of events up to which a batch of bulk events is not examined."""
# Messages in transit are in the memory of gRPC: at most one message without parts for each stream.
_STREAMS, _STREAMS_EACH = 400, 300
_JOINING, _JOINING_EACH = 8, 6
# Maximum number of roots and window of each. Unacknowledged batches are in buffers of gRPC, or wait here.
_WINDOWS = ((8, 1024 * 1024), (64, 256 * 1024))
_MIN_WINDOW = 64 * 1024


class MemoryBudget:
    """Number of bytes held by messages, and those that wait. Everything runs on one event loop."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._maximum, self._max_waiting = max_bytes, max_waiting_bytes
        self.streams = ConnectionQuota(_STREAMS, _STREAMS_EACH)
        self.joining = FairSemaphore(_JOINING, _JOINING_EACH)
        self.max_message_bytes = MAX_MESSAGE_BYTES
        self._held = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._waiting_bytes = 0

    @staticmethod
    def window_bytes(roots: int) -> int:
        """Returns the number of unacknowledged bytes that each of `roots` roots may send on each lane."""
        return next((window for maximum, window in _WINDOWS if roots <= maximum), _MIN_WINDOW)

    async def take(self, size_bytes: int) -> int:
        """Waits until there is memory to parse a received message, after those received before.

        Returns the number of bytes to release afterwards. Raises UnavailableError if too many wait already.
        """
        held = size_bytes * UNPACKED_TIMES
        if self._held < self._maximum and not self._waiting:
            self._held += held
            return held
        if self._waiting and self._waiting_bytes + size_bytes > self._max_waiting:
            raise UnavailableError("the hub has no memory left for more messages: retry later")
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[room] = size_bytes
        self._waiting_bytes += size_bytes
        try:
            await room
        except asyncio.CancelledError:
            if not self._leave(room):
                # The memory was granted just before the cancellation.
                self.give(held)
            raise
        return held

    def hold(self, size_bytes: int) -> None:
        """Counts bytes that are in memory already, without a wait."""
        self._held += size_bytes

    def give(self, size_bytes: int) -> None:
        """Releases bytes, and lets waiting messages continue while there is room."""
        self._held -= size_bytes
        for room, size in list(self._waiting.items()):
            if self._held >= self._maximum:
                return
            # A message whose stream has ended removes itself.
            if not room.done():
                self._leave(room)
                self._held += size * UNPACKED_TIMES
                room.set_result(None)

    def _leave(self, room: "asyncio.Future[None]") -> bool:
        size = self._waiting.pop(room, 0)
        self._waiting_bytes -= size
        return size > 0


def memory_of(batch: attach_pb2.Batch, size_bytes: int) -> int:
    """Returns the number of bytes that a parsed batch of `size_bytes` may take.

    Raises ProtocolError if lists of the events have more entries than a root sends. Small bulk events are not
    examined.
    """
    most_small = min(len(batch.events) * _SMALL_BYTES, message_parts.MAX_BYTES)
    if batch.subscription == Lane.BULK and size_bytes <= most_small:
        # There are too many to examine each, and there is memory for their worst case.
        return size_bytes * UNPACKED_TIMES
    total = 0
    for event in batch.events:
        entries = entries_of(event, MAX_ENTRIES)
        if entries > MAX_ENTRIES:
            raise ProtocolError(
                f"the lists of event {event.seq} of {batch.store} have more than {MAX_ENTRIES} entries: "
                f"{SAME_VERSION}"
            )
        total += entries
    if total > _MAX_ENTRIES_OF_BATCH:
        raise ProtocolError(f"the lists in a batch of {batch.store} have {total} entries: {SAME_VERSION}")
    return size_bytes + len(batch.events) * _EVENT_BYTES + total * _ENTRY_BYTES
