"""Hostile clients with a valid token. They send messages that are small until they are parsed."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from grpc import aio
from memory_frames import Frames, attached
from memory_hub import Hub
from memory_root import BULK, SECONDS, feed

from gator.link.message_parts import BATCH_BYTES, MAX_BYTES
from gator.link.size_limits import MAX_ENTRIES
from gator.v1 import attach_pb2, event_pb2, parent_service_pb2_grpc, query_pb2

STREAMS = 400
SENDERS = 8
DESCRIBERS = 40
LARGEST_TAKEN = 2 * 1024 * 1024 - 4096
PIECE_BYTES = MAX_BYTES - 64


async def bomb(hub: Hub) -> str:
    """Runs 20 roots with messages that are small only while they are compressed."""
    errors: set[str] = set()

    async def one() -> None:
        async with hub.channel() as channel:
            stub: Any = parent_service_pb2_grpc.ParentServiceStub(channel)
            call = stub.Attach(metadata=hub.metadata, compression=2)
            hello = attach_pb2.Hello(role=attach_pb2.ROLE_ROOT, host="x" * (128 * 1024 * 1024))
            try:
                await call.write(attach_pb2.AttachRequest(hello=hello))
                await call.read()
            except (aio.AioRpcError, asyncio.InvalidStateError):
                pass
            errors.add(f"{await call.code()}: {await call.details()}"[:100])

    for _ in range(5):
        await asyncio.wait_for(one(), 30)
    return str(errors)


async def halves(hub: Hub) -> str:
    """Runs 400 streams, each with a message of 2 MiB that lacks its end."""
    return await _hold(hub, lambda frames: frames.send(bytes(LARGEST_TAKEN - 1), LARGEST_TAKEN))


async def halves_taken(hub: Hub) -> str:
    """Runs 400 attached roots, each with a message of the largest size that lacks its end."""

    def send(frames: Frames) -> None:
        frames.send(_hello().SerializeToString())
        frames.send(bytes(MAX_BYTES - 1), MAX_BYTES)

    return await _hold(hub, send)


async def slivers(hub: Hub) -> str:
    """Runs the same with frames that are smaller than their overhead."""

    def send(frames: Frames) -> None:
        frames.send(_hello().SerializeToString())
        frames.send(bytes(MAX_BYTES - 1), MAX_BYTES)

    return await _hold(hub, send, 25)


async def parts(hub: Hub) -> str:
    """Runs 400 streams, each with a large message that lacks half of its last part."""

    def send(frames: Frames) -> None:
        part = attach_pb2.Part(data=bytes(PIECE_BYTES), more=True)
        for _ in range(LARGEST_TAKEN // MAX_BYTES):
            frames.send(attach_pb2.AttachRequest(part=part).SerializeToString())
        frames.send(bytes(PIECE_BYTES), MAX_BYTES)

    return await _hold(hub, send)


async def descriptions(hub: Hub) -> str:
    """Runs 40 roots that repeatedly send descriptions with as many small entries as a message can hold."""
    hello = _hello()
    hello.hello.description.plan.environment.update({f"{number:x}": "" for number in range(60_000)})
    hello.hello.description.run.argv.extend("" for _ in range(200_000))
    data = hello.SerializeToString()
    said: set[str] = set()

    async def one() -> None:
        async with hub.channel() as channel:
            stub: Any = parent_service_pb2_grpc.ParentServiceStub(channel)
            while True:
                call = stub.Attach(metadata=hub.metadata)
                try:
                    for begin in range(0, len(data), PIECE_BYTES):
                        end = begin + PIECE_BYTES
                        part = attach_pb2.Part(data=data[begin:end], more=end < len(data))
                        await call.write(attach_pb2.AttachRequest(part=part))
                    while await call.read() is not aio.EOF:
                        pass
                except (aio.AioRpcError, asyncio.InvalidStateError):
                    pass
                said.add(f"{await call.details()}"[:90])

    await _for_a_while(one() for _ in range(DESCRIBERS))
    return str(said)


async def lists(hub: Hub) -> str:
    """Runs 8 roots whose events have the maximum number of empty totals of metrics."""
    return await feed(hub, SENDERS, lambda lane: _full(_of_metrics(MAX_ENTRIES)))


async def many_lists(hub: Hub) -> str:
    """Runs 8 roots that ignore flow control, with more such totals than permitted."""
    return await feed(hub, SENDERS, lambda lane: [_of_metrics(500_000)], credit=False)


async def fields(hub: Hub) -> str:
    """Runs 8 roots that ignore flow control, with log events of many small fields."""

    def make(lane: int) -> list[event_pb2.Event]:
        event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
        if lane == BULK:
            event.log.fields.update({f"{number:x}": "" for number in range(100)})
        else:
            event.started.argv.extend("" for _ in range(300))
        return _full(event)

    return await feed(hub, SENDERS, make, credit=False)


async def twice(hub: Hub) -> str:
    """Runs 8 roots whose events set a large value and then replace it by a small one."""

    async def one() -> None:
        async with attached(hub) as frames:
            hello = _hello()
            frames.send(hello.SerializeToString())
            # The subscriptions arrive during this time.
            await asyncio.sleep(1)
            batch = attach_pb2.Batch(subscription=BULK, store=hello.hello.store)
            event = _of_metrics(60_000)
            event.seq = 1
            log = event_pb2.Event(log=event_pb2.LogEvent())
            while True:
                batch.after, batch.through = batch.through, batch.through + 1
                event.seq = batch.through
                whole = event.SerializeToString() + log.SerializeToString()
                size = _varint(len(whole))
                said = batch.SerializeToString() + b"\x2a" + size + whole
                frames.send(b"\x12" + _varint(len(said)) + said)
                while frames.waits:
                    await asyncio.sleep(0.01)

    await _for_a_while(one() for _ in range(SENDERS))
    return ""


def _varint(number: int) -> bytes:
    more, low = divmod(number, 128)
    return bytes([low | 128]) + _varint(more) if more else bytes([low])


async def _hold(hub: Hub, send: Callable[[Frames], None], frame_bytes: int = 16 * 1024) -> str:
    async def one() -> None:
        async with attached(hub, frame_bytes) as frames:
            send(frames)
            await asyncio.sleep(SECONDS)

    await _for_a_while(one() for _ in range(STREAMS))
    return ""


async def _for_a_while(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.create_task(one) for one in work]
    await asyncio.wait(tasks, timeout=SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _of_metrics(count: int) -> event_pb2.Event:
    event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
    event.result.metrics.extend(event_pb2.MetricTotal() for _ in range(count))
    return event


def _full(event: event_pb2.Event) -> list[event_pb2.Event]:
    """Returns a batch of copies of an event."""
    made: list[event_pb2.Event] = []
    for _ in range(BATCH_BYTES // (event.ByteSize() + 16)):
        made.append(event_pb2.Event())
        made[-1].CopyFrom(event)
    return made


def _hello() -> attach_pb2.AttachRequest:
    name = secrets.token_hex(16)
    said = attach_pb2.RunDescription(run=query_pb2.Run(id=name, ident="top", user="bench"))
    return attach_pb2.AttachRequest(
        hello=attach_pb2.Hello(role=attach_pb2.ROLE_ROOT, id="root", run=name, store=name, description=said)
    )
