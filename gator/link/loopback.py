"""Joins a parent and a child within one process: the same messages and the same checks, but no wire.

Messages are handed over as they are, so nobody changes one after it was sent.
"""

import asyncio
from typing import TypeVar

from msgspec import Struct

from gator import errors
from gator.link.session import ChildHandler, attend
from gator.link.stream import end_tasks
from gator.link.uplink import Uplink
from gator.v1 import attach_pb2

_M = TypeVar("_M")
_DEPTH = 64
"""Messages that may wait for a slow side, in each direction."""


class _End(Struct, frozen=True):
    """Stands in a queue for the end of its stream."""

    reason: Exception | None = None


async def join(parent: ChildHandler, uplink: Uplink, token: str) -> None:
    """Runs both ends until the stream is over."""
    up: asyncio.Queue[attach_pb2.AttachRequest | _End] = asyncio.Queue(_DEPTH)
    down: asyncio.Queue[attach_pb2.AttachResponse | _End] = asyncio.Queue(_DEPTH)
    below = asyncio.create_task(_run_child(uplink, _ChildEnd(up, down)))
    above = asyncio.create_task(_run_parent(parent, _ParentEnd(up, down), token))
    try:
        await asyncio.wait({below, above}, return_when=asyncio.ALL_COMPLETED)
        await above
        await below
    finally:
        await end_tasks(above, below)


async def _run_parent(parent: ChildHandler, stream: "_ParentEnd", token: str) -> None:
    reason: Exception | None = None
    try:
        await attend(parent, stream, token)
    except (errors.GatorError, errors.UserError) as error:
        reason = error
    finally:
        stream.end(reason)


async def _run_child(uplink: Uplink, stream: "_ChildEnd") -> None:
    try:
        await uplink.converse(stream)
    finally:
        stream.end()


class _ParentEnd:
    def __init__(
        self,
        up: "asyncio.Queue[attach_pb2.AttachRequest | _End]",
        down: "asyncio.Queue[attach_pb2.AttachResponse | _End]",
    ) -> None:
        self._up = up
        self._down = down

    async def read(self) -> attach_pb2.AttachRequest | None:
        item = await self._up.get()
        return None if isinstance(item, _End) else item

    async def write(self, message: attach_pb2.AttachResponse) -> None:
        await self._down.put(message)

    def end(self, reason: Exception | None) -> None:
        _put_end(self._down, _End(reason))


class _ChildEnd:
    def __init__(
        self,
        up: "asyncio.Queue[attach_pb2.AttachRequest | _End]",
        down: "asyncio.Queue[attach_pb2.AttachResponse | _End]",
    ) -> None:
        self._up = up
        self._down = down

    async def read(self) -> attach_pb2.AttachResponse | None:
        item = await self._down.get()
        if not isinstance(item, _End):
            return item
        if item.reason is not None:
            raise item.reason
        return None

    async def write(self, message: attach_pb2.AttachRequest) -> None:
        await self._up.put(message)

    async def done_writing(self) -> None:
        await self._up.put(_End())

    def end(self) -> None:
        _put_end(self._up, _End())


def _put_end(queue: "asyncio.Queue[_M]", end: _M) -> None:
    """Ends a queue even if its reader is slow: what waits there is for nobody any more."""
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(end)
