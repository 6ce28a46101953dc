"""How much of what roots send is in memory at once, over all of them.

Rule: a message that has come waits as bytes, and is unpacked only when there is room for what it becomes.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from gator.errors import ProtocolError, UnavailableError
from gator.link import message_parts
from gator.link.size_limits import MAX_ENTRIES
from gator.rpc.limits import ConnectionQuota, FairSemaphore
from gator.v1 import attach_pb2
from gator_hub.database.texts import SAME_VERSION
from gator_hub.ingest.stores import Lane

MAX_BYTES = 64 * 1024 * 1024
"""While so much is held, nothing more is unpacked."""
MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Whose message would make those that wait more than this has to dial again."""
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""No message of a root is larger, all its parts together: see `gator.link.size_limits` for what one sends."""
UNPACKED_TIMES = 50
"""Nothing becomes more than so many times its bytes; the worst are lists of empty messages."""
_EVENT_BYTES = 200
"""An unpacked event takes so much more than its bytes."""
_ENTRY_BYTES = 100
"""So does an entry in a list of an event."""
_MAX_ENTRIES_OF_BATCH = 8 * MAX_ENTRIES
"""In a batch with more than one event, as a root gathers them, there is no room for more."""
_SMALL_BYTES = 1024
"""Of an event of so many bytes nothing is known but that."""
# Of what is on its way gRPC alone knows: at most a message without parts for each stream.
_STREAMS, _STREAMS_EACH = 400, 300
_JOINING, _JOINING_EACH = 8, 6
# What roots may have on its way lies in buffers of gRPC, or waits here.
_WINDOWS = ((8, 1024 * 1024), (64, 256 * 1024))
_MIN_WINDOW = 64 * 1024


class MemoryBudget:
    """What is held, in bytes. Everything runs on one event loop."""

    def __init__(self, most_bytes: int = MAX_BYTES, most_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._most, self._most_waiting = most_bytes, most_waiting_bytes
        self.streams = ConnectionQuota(_STREAMS, _STREAMS_EACH)
        self.joining = FairSemaphore(_JOINING, _JOINING_EACH)
        self.max_message_bytes = MAX_MESSAGE_BYTES
        self._held = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._waiting_bytes = 0

    @staticmethod
    def window_bytes(roots: int) -> int:
        """How much one of so many roots may send on each of its lanes before that is acked."""
        return next((window for most, window in _WINDOWS if roots <= most), _MIN_WINDOW)

    async def take(self, size_bytes: int) -> int:
        """Hold what a message that was read may become; waits for room, behind those that came before.

        Gives what to give back. Raises UnavailableError where too much waits already.
        """
        held = size_bytes * UNPACKED_TIMES
        if self._held < self._most and not self._waiting:
            self._held += held
            return held
        if self._waiting and self._waiting_bytes + size_bytes > self._most_waiting:
            raise UnavailableError("the hub has no memory left for more messages: connect again later")
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[room] = size_bytes
        self._waiting_bytes += size_bytes
        try:
            await room
        except asyncio.CancelledError:
            if not self._leave(room):
                # It was let in just now.
                self.give(held)
            raise
        return held

    def hold(self, size_bytes: int) -> None:
        """Hold something that is there already."""
        self._held += size_bytes

    def give(self, size_bytes: int) -> None:
        """It is held no more, so that others may be."""
        self._held -= size_bytes
        for room, size in list(self._waiting.items()):
            if self._held >= self._most:
                return
            # One whose stream has ended takes itself out.
            if not room.done():
                self._leave(room)
                self._held += size * UNPACKED_TIMES
                room.set_result(None)

    def _leave(self, room: "asyncio.Future[None]") -> bool:
        size = self._waiting.pop(room, 0)
        self._waiting_bytes -= size
        return size > 0


def memory_of(batch: attach_pb2.Batch, size_bytes: int) -> int:
    """What a batch of so many bytes may take when it is unpacked.

    Raises ProtocolError where the lists of events that it looks at have more entries than a root sends.
    """
    most_small = min(len(batch.events) * _SMALL_BYTES, message_parts.MAX_BYTES)
    if batch.subscription == Lane.BULK and size_bytes <= most_small:
        # These are too many to look at each, and there is room for the most that they may become.
        return size_bytes * UNPACKED_TIMES
    total = 0
    for event in batch.events:
        name = event.WhichOneof("payload")
        if name is None or name not in _ENTRIES:
            continue
        entries = _ENTRIES[name](getattr(event, name))
        if entries > MAX_ENTRIES:
            raise ProtocolError(
                f"the lists of event {event.seq} of {batch.store} have {entries} entries: "
                f"at most {MAX_ENTRIES} are taken, {SAME_VERSION}"
            )
        total += entries
    if total > _MAX_ENTRIES_OF_BATCH:
        raise ProtocolError(f"the lists in a batch of {batch.store} have {total} entries: {SAME_VERSION}")
    return size_bytes + len(batch.events) * _EVENT_BYTES + total * _ENTRY_BYTES


_ENTRIES: Mapping[str, Callable[[Any], int]] = {
    "declared": lambda it: len(it.tags) + len(it.demand.licenses),
    "started": lambda it: len(it.argv),
    "log": lambda it: len(it.fields),
    "attempt_finished": lambda it: len(it.metrics) + len(it.failure_inputs.runners_up),
    "result": lambda it: len(it.metrics),
}
"""How many entries there are in the lists of a payload, for those that have any."""
