"""Roots that send as much as possible to a hub, and the events that they send."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Callable
from typing import Any

from grpc import aio
from memory_hub import Hub

from gator.core.cursor import WINDOW_BYTES
from gator.link.message_parts import BATCH_BYTES, parts_of
from gator.link.size_limits import MAX_EVENT_BYTES
from gator.v1 import attach_pb2, common_pb2, event_pb2, parent_service_pb2_grpc, query_pb2

SECONDS = 8.0
LARGEST = MAX_EVENT_BYTES
LONG_LINE = 1024 * 1024
NOISE = random.Random(1).randbytes(4 * 1024 * 1024)
STATES, BULK = 1, 2


class Root:
    """A root that sends as fast as flow control permits; without `credit` as fast as the stream permits."""

    def __init__(
        self, hub: Hub, make: Callable[[int], list[event_pb2.Event]], *, credit: bool = True
    ) -> None:
        self.name = secrets.token_hex(16)
        self.sent = 0
        self.error = ""
        self.bulk_from = 1 << 30
        """Sequence number of the first bulk event; the states have the numbers before it."""
        self._hub, self._make, self._credit = hub, make, credit
        self._free = {STATES: asyncio.Event(), BULK: asyncio.Event()}
        self._unacked: dict[int, dict[int, int]] = {STATES: {}, BULK: {}}
        self._begun = asyncio.Event()
        self._window = WINDOW_BYTES

    async def run(self) -> None:
        """Sends until it is cancelled or refused."""
        async with self._hub.channel() as channel:
            stub: Any = parent_service_pb2_grpc.ParentServiceStub(channel)
            call = stub.Attach(metadata=self._hub.metadata)
            # A write that fails while the call ends replaces the status from the hub.
            ended: list[asyncio.Task[str]] = []

            def on_done(done: Any) -> None:
                ended.append(asyncio.create_task(_status(done)))

            call.add_done_callback(on_done)
            try:
                await call.write(attach_pb2.AttachRequest(hello=self._hello()))
                reading = asyncio.create_task(self._read(call))
                await self._begun.wait()
                # One task writes, for both lanes.
                try:
                    await self._write(call)
                finally:
                    reading.cancel()
            except (aio.AioRpcError, asyncio.InvalidStateError):
                self.error = await ended[0] if ended else await _status(call)
            finally:
                call.cancel()

    def _hello(self) -> attach_pb2.Hello:
        run = query_pb2.Run(id=self.name, ident="top", user="bench")
        return attach_pb2.Hello(
            role=attach_pb2.ROLE_ROOT,
            id="root",
            run=self.name,
            store=self.name,
            description=attach_pb2.RunDescription(run=run),
        )

    async def _read(self, call: Any) -> None:
        subscribed = 0
        while (answer := await call.read()) is not aio.EOF:
            if answer.HasField("subscribe"):
                subscribed += 1
                self._window = answer.subscribe.window_bytes or WINDOW_BYTES
                if subscribed == 2:
                    self._begun.set()
            if answer.HasField("ack"):
                lane, unacked = answer.ack.subscription, self._unacked[answer.ack.subscription]
                for through in [place for place in unacked if place <= answer.ack.position.seq]:
                    del unacked[through]
                self._free[lane].set()
        self._begun.set()

    async def _write(self, call: Any) -> None:
        position, first = {STATES: 0, BULK: 0}, {STATES: 0, BULK: self.bulk_from}
        for lane in itertools.cycle((BULK, STATES)):
            events = self._make(lane)
            # A batch is not larger than its window.
            del events[max(1, len(events) * self._window // BATCH_BYTES) :]
            if not events:
                await asyncio.sleep(0)
                continue
            batch = attach_pb2.Batch(subscription=lane, store=self.name, after=position[lane])
            position[lane] = position[lane] or first[lane]
            for event in events:
                position[lane] += 1
                event.seq = position[lane]
            batch.events.extend(events)
            batch.through = position[lane]
            size = batch.ByteSize()
            unacked = self._unacked[lane]
            while self._credit and unacked and sum(unacked.values()) + size > self._window:
                self._free[lane].clear()
                await self._free[lane].wait()
            unacked[batch.through] = size
            for part in parts_of(attach_pb2.AttachRequest(batch=batch)):
                await call.write(part)
            self.sent += 1


async def _status(call: Any) -> str:
    return f"{(await call.code()).name}: {await call.details()}"


def tiny(lane: int) -> list[event_pb2.Event]:
    """Returns a full batch of the smallest events."""
    made: list[event_pb2.Event] = []
    for number in range(BATCH_BYTES // 96):
        event = event_pb2.Event(path=f"top/job[{number % 50}]", attempt=1, time_unix_nanos=10**18 + number)
        if lane == BULK:
            event.log.text = f"transaction {number:08d} is done, no fault was seen"
        else:
            event.metric.name, event.metric.value = "transactions.of.this.kind", number
        made.append(event)
    return made


def mixed(lane: int) -> list[event_pb2.Event]:
    """Returns bulk events, with equal shares of logs and blocks of output."""
    if lane == STATES or random.random() < 0.5:
        return tiny(lane)
    event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
    event.block.data = NOISE[: 512 * 1024]
    event.block.size_bytes = 512 * 1024
    return [event]


def large(lane: int, size: int = LARGEST) -> list[event_pb2.Event]:
    """Returns an event of the maximum size of a message."""
    event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
    if lane == BULK:
        event.log.text = "x" * (size - 256)
    else:
        event.started.argv.append("x" * (size - 256))
    return [event]


async def feed(
    hub: Hub, count: int, make: Callable[[int], list[event_pb2.Event]], *, credit: bool = True
) -> str:
    """Runs roots that send for a while."""
    roots = [Root(hub, make, credit=credit) for _ in range(count)]
    tasks = [asyncio.create_task(root.run()) for root in roots]
    await asyncio.wait(tasks, timeout=SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    refused = [root.error for root in roots if root.error]
    said = f"; {len(refused)} refused: {refused[0][:90]}" if refused else ""
    return f"{sum(root.sent for root in roots)} batches{said}"


async def filled(hub: Hub, megabytes: int) -> str:
    """Stores a run whose jobs wrote binary lines of 1 MiB. Returns its id."""
    text = bytes(byte | 0x80 if byte != 0x8A else 0x80 for byte in NOISE[: LONG_LINE - 1]).replace(
        b"\n", b"\x80"
    )
    line = text + b"\n"
    sent, begun = 0, False

    def make(lane: int) -> list[event_pb2.Event]:
        nonlocal sent
        nonlocal begun
        if lane == STATES and begun:
            return []
        if lane == STATES:
            begun = True
            event = event_pb2.Event(path="top", time_unix_nanos=10**18)
            event.declared.kind = common_pb2.NODE_KIND_JOB
            started = event_pb2.Event(path="top", attempt=1, time_unix_nanos=10**18)
            started.started.host = "here"
            return [event, started]
        half = line[: LONG_LINE // 2] if sent % 2 == 0 else line[LONG_LINE // 2 :]
        event = event_pb2.Event(path="top", attempt=1, time_unix_nanos=10**18)
        event.block.CopyFrom(
            event_pb2.Block(
                stream=common_pb2.STREAM_STDOUT,
                first_line=sent // 2 + 1,
                lines=1 - sent % 2,
                continues=bool(sent % 2),
                size_bytes=len(half),
                encoding=event_pb2.Block.ENCODING_RAW,
                data=half,
                offset_bytes=sent * LONG_LINE // 2,
            )
        )
        sent += 1
        return [event]

    root = Root(hub, make)
    root.bulk_from = 2
    task = asyncio.create_task(root.run())
    while sent < 2 * megabytes:
        assert not task.done(), root.error
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return root.name
