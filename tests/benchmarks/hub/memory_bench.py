"""Measures the peak memory of a hub under ordinary, extreme and hostile loads; prints a table.

    python tests/benchmarks/hub/memory_bench.py sqlite
    python tests/benchmarks/hub/memory_bench.py postgresql://postgres@localhost/bench
    python tests/benchmarks/hub/memory_bench.py URL flood hostile

Each load has its own hub process with default settings. The figure is the peak of its resident memory
(VmHWM). `--python FILE` names the interpreter that runs the hubs. With `sqlite` each hub has a new file.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from memory_client import CLIENTS, ask, not_reading
from memory_hostile import (
    bomb,
    descriptions,
    fields,
    halves,
    halves_taken,
    lists,
    many_lists,
    parts,
    slivers,
    twice,
)
from memory_hub import Hub
from memory_root import feed, filled, large, mixed, tiny

from gator.v1 import attach_pb2, hub_service_pb2_grpc
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

ROOTS = 200
HEAVY_ROOTS = 20
LIMIT_MB = 300
LARGEST_TAKEN = 2 * 1024 * 1024 - 4096
HOSTILE = 16 * 1024 * 1024 - 4096


async def quiet(hub: Hub) -> str:
    """Runs one client and no other load."""
    async with hub.channel() as channel:
        stub: Any = hub_service_pb2_grpc.HubServiceStub(channel)
        await stub.ListRuns(hs.ListRunsRequest(), metadata=hub.metadata)
    return ""


async def flood(hub: Hub) -> str:
    """Runs 200 roots that send more than the hub can store."""
    return await feed(hub, ROOTS, mixed)


async def flood_tiny(hub: Hub) -> str:
    """Runs 200 roots with batches of tiny events."""
    return await feed(hub, ROOTS, tiny)


async def largest(hub: Hub) -> str:
    """Runs 20 roots with the largest permitted messages."""
    return await feed(hub, HEAVY_ROOTS, large)


async def hostile(hub: Hub) -> str:
    """Runs 20 roots with messages of 16 MB that ignore flow control."""
    return await feed(hub, HEAVY_ROOTS, lambda lane: large(lane, HOSTILE), credit=False)


async def hostile_taken(hub: Hub) -> str:
    """Runs 20 roots that ignore flow control, with the largest accepted messages."""
    return await feed(hub, HEAVY_ROOTS, lambda lane: large(lane, LARGEST_TAKEN), credit=False)


async def strangers(hub: Hub) -> str:
    """Runs 100 clients without a token, with requests of 16 MB."""
    request = qs.GetRunRequest(run="x" * HOSTILE)

    async def one(stub: Any, metadata: Any) -> int:
        del metadata
        await stub.GetRun(request)
        return 0

    return await ask(hub, CLIENTS, one)


async def lines(hub: Hub) -> str:
    """Runs 100 clients that page through the longest lines."""
    run = await filled(hub, 32)
    request = qs.ListLinesRequest(run=run)

    async def one(stub: Any, metadata: Any) -> int:
        return (await stub.ListLines(request, metadata=metadata)).ByteSize()

    return await ask(hub, CLIENTS, one)


async def events(hub: Hub) -> str:
    """Runs 100 clients that page through the largest events."""
    run = await filled(hub, 32)
    request = qs.ListEventsRequest(run=run, kinds=[attach_pb2.EVENT_KIND_BLOCK])

    async def one(stub: Any, metadata: Any) -> int:
        return (await stub.ListEvents(request, metadata=metadata)).ByteSize()

    return await ask(hub, CLIENTS, one)


async def stalled(hub: Hub) -> str:
    """Runs 100 clients that request the longest lines and read no answer."""
    run = await filled(hub, 32)
    request = qs.ListLinesRequest(run=run).SerializeToString()
    return await not_reading(hub, "/gator.v1.QueryService/ListLines", request)


async def watchers(hub: Hub) -> str:
    """Runs 100 watchers that read nothing."""
    run = await filled(hub, 32)
    request = qs.WatchEventsRequest(run=run).SerializeToString()
    return await not_reading(hub, "/gator.v1.QueryService/WatchEvents", request)


LOADS: dict[str, Callable[[Hub], Awaitable[str]]] = {
    "quiet": quiet,
    "flood": flood,
    "flood_tiny": flood_tiny,
    "largest": largest,
    "hostile": hostile,
    "hostile_taken": hostile_taken,
    "bomb": bomb,
    "halves": halves,
    "halves_taken": halves_taken,
    "slivers": slivers,
    "parts": parts,
    "descriptions": descriptions,
    "lists": lists,
    "many_lists": many_lists,
    "fields": fields,
    "twice": twice,
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
    print(f"{'load':16}{'peak':>8}  outcome", flush=True)
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
