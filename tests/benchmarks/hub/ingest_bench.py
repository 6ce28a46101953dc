"""Measures how fast a hub stores events, from the client to the durable acknowledgement.

    python tests/benchmarks/hub/ingest_bench.py sqlite:/tmp/bench.db
    python tests/benchmarks/hub/ingest_bench.py postgresql://postgres@localhost/bench
    python tests/benchmarks/hub/ingest_bench.py URL events blocks jobs many

Parts: events (single log events), blocks (plain lines in blocks), jobs (whole jobs: declared, started,
finished, result), many (200 runs with one event per second each). The hub runs in its own process.
"""

import asyncio
import os
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gator.core.cursor import matches
from gator.link.uplink import Uplink
from gator.rpc.server import serve as serve_services
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

EVENTS = 300_000
BLOCKS = 150
BLOCK_LINES = 7_000
JOBS = 30_000
RUNS = 200
SECONDS = 20


class Store:
    """A store in memory, which is read as fast as possible."""

    def __init__(self, events: Sequence[event_pb2.Event] = ()) -> None:
        self.events = list(events)
        self.asked = asyncio.Event()
        for number, event in enumerate(self.events, 1):
            event.seq = number

    @property
    def committed(self) -> int:
        return len(self.events)

    def append(self, event: event_pb2.Event) -> None:
        event.seq = len(self.events) + 1
        self.events.append(event)

    def read(
        self, after: int, wanted: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        self.asked.set()
        piece = self.events[after : after + limit]
        return [event for event in piece if matches(wanted, event)], after + len(piece)


class Child:
    """A root that sends nothing else."""

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None: ...

    def on_message(self, message: attach_pb2.AttachResponse) -> None: ...

    def on_lost(self, error: Exception) -> None:
        sys.exit(f"the hub ended the stream: {error}")


def hello() -> attach_pb2.Hello:
    name = secrets.token_hex(16)
    described = attach_pb2.RunDescription(run=query_pb2.Run(id=name, ident="top", user="bench"))
    return attach_pb2.Hello(
        role=attach_pb2.ROLE_ROOT, id="root", run=name, store=secrets.token_hex(16), description=described
    )


async def upload(address: str, store: Store) -> None:
    """Sends a whole store and waits until everything is acknowledged."""
    uplink = Uplink(address, hello(), "token", store, Child())
    running = asyncio.create_task(uplink.run())
    # Until the subscriptions have arrived there is nothing to wait for.
    await store.asked.wait()
    await uplink.finish()
    await running


def event(path: str, attempt: int = 1) -> event_pb2.Event:
    return event_pb2.Event(path=path, attempt=attempt, time_unix_nanos=time.time_ns())


def log_events() -> list[event_pb2.Event]:
    made: list[event_pb2.Event] = []
    for number in range(EVENTS):
        one = event(f"top/job[{number % 50}]")
        one.log.severity = common_pb2.SEVERITY_INFO
        one.log.text = f"transaction {number:08d} at address 0x{number * 64:08x} is done, no fault was seen"
        made.append(one)
    return made


def block_events() -> list[event_pb2.Event]:
    import zstandard

    rng, pack = random.Random(1), zstandard.ZstdCompressor(level=1)
    made: list[event_pb2.Event] = []
    for number in range(BLOCKS):
        data = b"".join(
            b"%08d cycle %08x: transaction %04x ok, bus idle, no fault seen......\n"
            % (line, rng.getrandbits(32), rng.getrandbits(16))
            for line in range(BLOCK_LINES)
        )
        one = event("top/job")
        one.block.CopyFrom(
            event_pb2.Block(
                stream=common_pb2.STREAM_STDOUT,
                severity=common_pb2.SEVERITY_INFO,
                first_line=number * BLOCK_LINES + 1,
                lines=BLOCK_LINES,
                size_bytes=len(data),
                encoding=event_pb2.Block.ENCODING_ZSTD,
                data=pack.compress(data),
            )
        )
        made.append(one)
    return made


def job_events() -> list[event_pb2.Event]:
    made: list[event_pb2.Event] = []
    for number in range(JOBS):
        path = f"top/x[{number}]"
        declared, started, finished, result = event(path, 0), event(path), event(path), event(path, 0)
        declared.declared.kind = common_pb2.NODE_KIND_JOB
        declared.declared.jobs = 1
        started.started.host = "here"
        finished.attempt_finished.outcome = common_pb2.OUTCOME_PASSED
        result.result.outcome = common_pb2.OUTCOME_PASSED
        made += [declared, started, finished, result]
    return made


def timed(address: str, what: str, events: list[event_pb2.Event], count: int, unit: str) -> None:
    began = time.perf_counter()
    asyncio.run(upload(address, Store(events)))
    seconds = time.perf_counter() - began
    print(f"{what}: {count / seconds:,.0f} {unit}/s to durable ack ({seconds:.2f} s)")


async def many(address: str, pid: int) -> None:
    """Measures 200 attached runs with one event per second each."""
    stores = [Store() for _ in range(RUNS)]
    uplinks = [Uplink(address, hello(), "token", store, Child()) for store in stores]
    tasks = [asyncio.create_task(uplink.run()) for uplink in uplinks]
    await asyncio.sleep(3)
    before, began = cpu_seconds(pid), time.perf_counter()
    for number in range(SECONDS * RUNS):
        one = event("top/job")
        one.log.severity = common_pb2.SEVERITY_INFO
        one.log.text = f"event {number}"
        stores[number % RUNS].append(one)
        uplinks[number % RUNS].on_commit()
        await asyncio.sleep(max(0, began + number / RUNS - time.perf_counter()))
    used = (cpu_seconds(pid) - before) / (time.perf_counter() - began)
    print(f"{RUNS} runs with an event a second each: {used * 100:.0f} % of a core")
    await asyncio.gather(*(uplink.finish() for uplink in uplinks))
    await asyncio.gather(*tasks)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


async def serve_hub(url: str, address: str) -> None:
    """Runs the hub, in its own process."""
    from gator.link.server import parent_service
    from gator_hub.database.database import Database
    from gator_hub.ingest.handler import Ingest
    from gator_hub.ingest.writer import Writer

    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    sys.setswitchinterval(0.0005)
    loop = asyncio.get_running_loop()
    writer = Writer(Database.open(url), loop.call_soon_threadsafe)
    ingest = Ingest(writer, lambda token: "bench")
    server = await serve_services(
        [parent_service(ingest, ingest.intake)], address=address, authenticate=lambda method, token: None
    )
    print("ready", flush=True)
    await server.wait()


def main() -> None:
    if sys.argv[1] == "--serve":
        asyncio.run(serve_hub(sys.argv[2], sys.argv[3]))
        return
    url, parts = sys.argv[1], sys.argv[2:] or ["events", "blocks", "jobs", "many"]
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/hub"
        hub = subprocess.Popen([sys.executable, __file__, "--serve", url, address], stdout=subprocess.PIPE)
        assert hub.stdout is not None
        hub.stdout.readline()
        try:
            if "events" in parts:
                timed(address, "single log events", log_events(), EVENTS, "events")
            if "blocks" in parts:
                timed(address, "plain lines in blocks", block_events(), BLOCKS * BLOCK_LINES, "lines")
            if "jobs" in parts:
                timed(address, "whole jobs", job_events(), JOBS * 4, "events")
            if "many" in parts:
                asyncio.run(many(address, hub.pid))
            print(f"peak memory of the hub: {peak_mb(hub.pid)} MB")
        finally:
            hub.terminate()
            hub.wait()


if __name__ == "__main__":
    main()
