"""How much memory a hub takes at most, under loads that are ordinary and loads that are not; prints a table.

    python tests/benchmarks/hub_memory_bench.py sqlite
    python tests/benchmarks/hub_memory_bench.py postgresql://postgres@localhost/bench
    python tests/benchmarks/hub_memory_bench.py URL flood hostile

Each load has a hub of its own with its default settings, a process whose greatest resident memory is read
(VmHWM). `--python FILE` names the interpreter that runs the hubs. With `sqlite` each hub has a new file.
"""

import asyncio
import itertools
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from grpc import aio

from gator import hub_access, rpc
from gator.core.bounds import MOST_EVENT_BYTES
from gator.core.cursor import BATCH_BYTES, WINDOW_BYTES
from gator.v1 import (
    attach_pb2,
    common_pb2,
    event_pb2,
    hub_service_pb2,
    hub_service_pb2_grpc,
    parent_service_pb2_grpc,
    query_pb2,
    query_service_pb2,
    query_service_pb2_grpc,
)

SECONDS = 8.0
ROOTS = 200
HEAVY_ROOTS = 20
CLIENTS = 100
LONG_LINE = 1024 * 1024
LIMIT_MB = 300
LARGEST = MOST_EVENT_BYTES
LARGEST_TAKEN = 2 * 1024 * 1024 - 4096
HOSTILE = 16 * 1024 * 1024 - 4096
_NOISE = random.Random(1).randbytes(4 * 1024 * 1024)
_STATES, _BULK = 1, 2


class Root:
    """A root that sends as fast as its credit lets it; without `credit` as fast as the stream does."""

    def __init__(
        self, hub: "Hub", make: Callable[[int], list[event_pb2.Event]], *, credit: bool = True
    ) -> None:
        self.name = secrets.token_hex(16)
        self.sent = 0
        self.error = ""
        self.bulk_from = 1 << 30
        """The states have the places before it."""
        self._hub, self._make, self._credit = hub, make, credit
        self._free = {_STATES: asyncio.Event(), _BULK: asyncio.Event()}
        self._unacked: dict[int, dict[int, int]] = {_STATES: {}, _BULK: {}}
        self._begun = asyncio.Event()
        self._window = WINDOW_BYTES

    async def run(self) -> None:
        """Send until it is cancelled or refused."""
        async with self._hub.channel() as channel:
            stub: Any = parent_service_pb2_grpc.ParentServiceStub(channel)
            call = stub.Attach(metadata=self._hub.metadata)
            # A write that fails while the call ends puts another status in the place of the hub's.
            ended: list[asyncio.Task[str]] = []

            def on_done(done: Any) -> None:
                ended.append(asyncio.create_task(_status(done)))

            call.add_done_callback(on_done)
            try:
                await call.write(attach_pb2.AttachRequest(hello=self._hello()))
                reading = asyncio.create_task(self._read(call))
                await self._begun.wait()
                # One task writes, whichever lane has room.
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
        position, first = {_STATES: 0, _BULK: 0}, {_STATES: 0, _BULK: self.bulk_from}
        for lane in itertools.cycle((_BULK, _STATES)):
            events = self._make(lane)
            # A batch has no more than its window.
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
            await call.write(attach_pb2.AttachRequest(batch=batch))
            self.sent += 1


async def _status(call: Any) -> str:
    return f"{(await call.code()).name}: {await call.details()}"


def tiny(lane: int) -> list[event_pb2.Event]:
    """A full batch of the smallest events there are, as a million of them come."""
    made: list[event_pb2.Event] = []
    for number in range(BATCH_BYTES // 96):
        event = event_pb2.Event(path=f"top/job[{number % 50}]", attempt=1, time_unix_nanos=10**18 + number)
        if lane == _BULK:
            event.log.text = f"transaction {number:08d} is done, no fault was seen"
        else:
            event.metric.name, event.metric.value = "transactions.of.this.kind", number
        made.append(event)
    return made


def mixed(lane: int) -> list[event_pb2.Event]:
    """Half of the bulk is blocks of output."""
    if lane == _STATES or random.random() < 0.5:
        return tiny(lane)
    event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
    event.block.data = _NOISE[: 512 * 1024]
    event.block.size_bytes = 512 * 1024
    return [event]


def large(lane: int, size: int = LARGEST) -> list[event_pb2.Event]:
    """One event that is as large as a message may be."""
    event = event_pb2.Event(path="top/job[1]", attempt=1, time_unix_nanos=10**18)
    if lane == _BULK:
        event.log.text = "x" * (size - 256)
    else:
        event.started.argv.append("x" * (size - 256))
    return [event]


class Hub:
    """A hub in a process of its own."""

    def __init__(self, python: str, url: str, folder: Path) -> None:
        self.folder = folder
        self._environ = {**os.environ, "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
        self._log = (folder / "hub.log").open("wb")
        self._process = subprocess.Popen(
            [python, "-m", "gator_hub", "serve", "--port", "0", "--db", url],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=folder,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        self.address = line.split("://")[-1].strip()
        access = hub_access.resolve(self.address, self._environ)
        self.metadata = rpc.bearer(access.token)

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[aio.Channel]:
        """One of its own for each client, with no bound of its own on what is sent."""
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        )
        async with aio.insecure_channel(self.address, options=options) as channel:
            yield channel

    def peak_mb(self) -> int:
        """Its greatest resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def close(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._log.close()
        if os.environ.get("SHOW"):
            print((self.folder / "hub.log").read_text()[-3000:])


async def feed(
    hub: Hub, count: int, make: Callable[[int], list[event_pb2.Event]], *, credit: bool = True
) -> str:
    """Roots that send for a while."""
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
    """A run whose jobs wrote lines of a mebibyte that are no text; its id."""
    text = bytes(byte | 0x80 if byte != 0x8A else 0x80 for byte in _NOISE[: LONG_LINE - 1]).replace(
        b"\n", b"\x80"
    )
    line = text + b"\n"
    sent, begun = 0, False

    def make(lane: int) -> list[event_pb2.Event]:
        nonlocal sent
        nonlocal begun
        if lane == _STATES and begun:
            return []
        if lane == _STATES:
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


async def ask(hub: Hub, clients: int, one: Callable[[Any, Any], Awaitable[int]]) -> str:
    """Clients that ask again and again for a while."""
    answers = sizes = 0
    errors: set[str] = set()

    async def client() -> None:
        nonlocal answers, sizes
        async with hub.channel() as channel:
            stub: Any = query_service_pb2_grpc.QueryServiceStub(channel)
            while True:
                try:
                    size = await one(stub, hub.metadata)
                    sizes += size
                    answers += 1
                except aio.AioRpcError as error:
                    errors.add(f"{error.code()}: {error.details()}")
                    await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return f"{answers} answers, {sizes / max(answers, 1) / 1024:,.0f} KiB each" + (
        f"; {errors}" if errors else ""
    )


async def quiet(hub: Hub) -> str:
    """Nobody but one client."""
    async with hub.channel() as channel:
        stub: Any = hub_service_pb2_grpc.HubServiceStub(channel)
        await stub.ListRuns(hub_service_pb2.ListRunsRequest(), metadata=hub.metadata)
    return ""


async def flood(hub: Hub) -> str:
    """200 roots with more than the hub can take."""
    return await feed(hub, ROOTS, mixed)


async def flood_tiny(hub: Hub) -> str:
    """200 roots with batches of tiny events."""
    return await feed(hub, ROOTS, tiny)


async def largest(hub: Hub) -> str:
    """20 roots with the largest messages there may be."""
    return await feed(hub, HEAVY_ROOTS, large)


async def hostile(hub: Hub) -> str:
    """20 roots with messages of 16 MB that wait for nothing."""
    return await feed(hub, HEAVY_ROOTS, lambda lane: large(lane, HOSTILE), credit=False)


async def hostile_taken(hub: Hub) -> str:
    """20 roots that wait for nothing, with the largest messages that are taken."""
    return await feed(hub, HEAVY_ROOTS, lambda lane: large(lane, LARGEST_TAKEN), credit=False)


async def bomb(hub: Hub) -> str:
    """20 roots with messages that are small only as long as they are packed."""
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


async def strangers(hub: Hub) -> str:
    """100 clients without a token, with requests of 16 MB."""
    request = query_service_pb2.GetRunRequest(run="x" * HOSTILE)

    async def one(stub: Any, metadata: Any) -> int:
        del metadata
        await stub.GetRun(request)
        return 0

    return await ask(hub, CLIENTS, one)


async def lines(hub: Hub) -> str:
    """100 clients that page the longest lines."""
    run = await filled(hub, 32)
    request = query_service_pb2.ListLinesRequest(run=run)

    async def one(stub: Any, metadata: Any) -> int:
        return (await stub.ListLines(request, metadata=metadata)).ByteSize()

    return await ask(hub, CLIENTS, one)


async def events(hub: Hub) -> str:
    """100 clients that page the largest events."""
    run = await filled(hub, 32)
    request = query_service_pb2.ListEventsRequest(run=run, kinds=[attach_pb2.EVENT_KIND_BLOCK])

    async def one(stub: Any, metadata: Any) -> int:
        return (await stub.ListEvents(request, metadata=metadata)).ByteSize()

    return await ask(hub, CLIENTS, one)


async def stalled(hub: Hub) -> str:
    """100 clients that ask for the longest lines and read no answer."""
    run = await filled(hub, 32)
    request = query_service_pb2.ListLinesRequest(run=run).SerializeToString()
    return await not_reading(hub, "/gator.v1.QueryService/ListLines", request)


async def watchers(hub: Hub) -> str:
    """100 watchers that read nothing."""
    run = await filled(hub, 32)
    request = query_service_pb2.WatchEventsRequest(run=run).SerializeToString()
    return await not_reading(hub, "/gator.v1.QueryService/WatchEvents", request)


async def not_reading(hub: Hub, method: str, request: bytes) -> str:
    """Clients that send a request and take no more than gRPC does by itself."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_not_reading(hub, method, request))
    return ""


async def _not_reading(hub: Hub, method: str, request: bytes) -> None:
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0))
    async with aio.insecure_channel(hub.address, options=options) as channel:
        # As a stream, so that nothing is read before it is asked for.
        call: Any = cast("Any", channel).stream_stream(method)(metadata=hub.metadata)
        await call.write(request)
        await call.done_writing()
        await asyncio.sleep(SECONDS)
        call.cancel()


LOADS: dict[str, Callable[[Hub], Awaitable[str]]] = {
    "quiet": quiet,
    "flood": flood,
    "flood_tiny": flood_tiny,
    "largest": largest,
    "hostile": hostile,
    "hostile_taken": hostile_taken,
    "bomb": bomb,
    "strangers": strangers,
    "lines": lines,
    "events": events,
    "stalled": stalled,
    "watchers": watchers,
}


def main() -> None:
    args = sys.argv[1:]
    python = sys.executable
    if args[0] == "--python":
        python, args = args[1], args[2:]
    url, *names = args
    print(f"{'load':16}{'peak':>8}  what came of it", flush=True)
    over: list[str] = []
    for name in names or LOADS:
        with tempfile.TemporaryDirectory() as folder:
            mine = f"sqlite:{folder}/hub.db" if url == "sqlite" else url
            hub = Hub(python, mine, Path(folder))
            try:
                said = asyncio.run(_call(LOADS[name], hub))
                peak = hub.peak_mb()
            finally:
                hub.close()
        if peak > LIMIT_MB:
            over.append(name)
        print(f"{name:16}{peak:5} MB  {said}", flush=True)
    if over:
        sys.exit(f"above {LIMIT_MB} MB: {', '.join(over)}")


async def _call(load: Callable[[Hub], Awaitable[str]], hub: Hub) -> str:
    return await load(hub)


if __name__ == "__main__":
    main()
