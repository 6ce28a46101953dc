"""How much of what roots send is in memory at once, over all of them.

Rule: a message that has come waits as bytes, and is unpacked only when there is room for what it becomes.
"""

import asyncio

from gator.errors import UnavailableError
from gator.v1 import attach_pb2

MOST_BYTES = 16 * 1024 * 1024
"""While so much is held, nothing more is unpacked."""
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Whose message would make those that wait more than this has to dial again."""
_EVENT_BYTES = 200
"""An unpacked event takes so much more than its bytes."""
# What roots may have on its way lies in buffers of gRPC, or waits here.
_WINDOWS = ((8, 1024 * 1024), (64, 256 * 1024))
_LEAST_WINDOW = 64 * 1024


class Intake:
    """What is held, in bytes. Everything runs on one event loop."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_waiting_bytes: int = MOST_WAITING_BYTES) -> None:
        self._most, self._most_waiting = most_bytes, most_waiting_bytes
        self._held = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._waiting_bytes = 0

    @staticmethod
    def window_bytes(roots: int) -> int:
        """How much one of so many roots may send on each of its lanes before that is acked."""
        return next((window for most, window in _WINDOWS if roots <= most), _LEAST_WINDOW)

    async def take(self, size_bytes: int) -> None:
        """Hold a message that was read; waits for room, behind those that came before.

        Raises UnavailableError where too much waits already.
        """
        if self._held < self._most and not self._waiting:
            self._held += size_bytes
            return
        if self._waiting and self._waiting_bytes + size_bytes > self._most_waiting:
            raise UnavailableError("the hub is sent more than it can hold for now: dial again")
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[room] = size_bytes
        self._waiting_bytes += size_bytes
        try:
            await room
        except asyncio.CancelledError:
            if not self._leave(room):
                # It was let in just now.
                self.give(size_bytes)
            raise

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
                self._held += size
                room.set_result(None)

    def _leave(self, room: "asyncio.Future[None]") -> bool:
        size = self._waiting.pop(room, 0)
        self._waiting_bytes -= size
        return size > 0


def memory_of(batch: attach_pb2.Batch, size_bytes: int) -> int:
    """What a batch of so many bytes takes when it is unpacked."""
    return size_bytes + len(batch.events) * _EVENT_BYTES
