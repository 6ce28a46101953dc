"""The seam under both ends of Attach: a stream of messages, by gRPC or within the process. Imports no grpc.

Only one task reads a stream and only one writes it: two writes at once fail on a stream of grpc.aio, and
a write that is cancelled while it waits ends it.
"""

import asyncio
from typing import Protocol

from gator.v1 import attach_pb2


class ParentStream(Protocol):
    """The parent's end."""

    async def read(self) -> attach_pb2.AttachRequest | None:
        """The next message of the child; None when it sends no more."""
        ...

    async def write(self, message: attach_pb2.AttachResponse, /) -> None:
        """Sends a message; raises UnavailableError when the child is gone."""
        ...


class ChildStream(Protocol):
    """The child's end."""

    async def read(self) -> attach_pb2.AttachResponse | None:
        """The next message of the parent; None when it ended the stream. Raises one of our errors when the
        parent refused or is gone."""
        ...

    async def write(self, message: attach_pb2.AttachRequest, /) -> None:
        """Sends a message; raises one of our errors when the parent refused or is gone."""
        ...

    async def done_writing(self) -> None:
        """Says that no more will come; reading goes on until the parent ends the stream."""
        ...


class Wake:
    """Wakes the one task that waits for work; waking it twice is waking it once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """There is work."""
        self._event.set()

    async def wait(self, timeout_seconds: float | None = None) -> None:
        """Returns when there was work since the last return, or after the time-out."""
        if timeout_seconds is None:
            await self._event.wait()
        elif not self._event.is_set():
            handle = asyncio.get_running_loop().call_later(timeout_seconds, self._event.set)
            try:
                await self._event.wait()
            finally:
                handle.cancel()
        self._event.clear()


async def end_tasks(*tasks: "asyncio.Task[None]") -> None:
    """Cancels tasks and waits until they are over; what they raise is dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
