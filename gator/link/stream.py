"""Protocols of the streams under both ends of Attach. Imports no grpc.

Invariant: one task reads a stream and one task writes it. Two concurrent writes fail on a stream of grpc.aio,
and a cancelled write ends it.
"""

import asyncio
from typing import Protocol

from gator.v1 import attach_pb2


class ParentStream(Protocol):
    """The parent's end."""

    async def read(self) -> attach_pb2.AttachRequest | None:
        """Returns the next message of the child; None if it has ended its side."""
        ...

    async def write(self, message: attach_pb2.AttachResponse, /) -> None:
        """Sends a message. Raises UnavailableError if the child is gone."""
        ...


class ChildStream(Protocol):
    """The child's end."""

    async def read(self) -> attach_pb2.AttachResponse | None:
        """Returns the next message of the parent; None if it has ended the stream.

        Raises GatorError or UserError if the parent refused or is gone.
        """
        ...

    async def write(self, message: attach_pb2.AttachRequest, /) -> None:
        """Sends a message. Raises GatorError or UserError if the parent refused or is gone."""
        ...

    async def done_writing(self) -> None:
        """Ends this side of the stream; reading continues until the parent ends the other."""
        ...


class Wake:
    """Wakes the one task that waits for work; further wake-ups before it runs have no effect."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wakes the task."""
        self._event.set()

    async def wait(self, timeout_seconds: float | None = None) -> None:
        """Returns when `set` was called since the last return, or after the timeout."""
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
    """Cancels tasks and waits until they have ended; their errors are dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
