"""Clients of a hub that request large answers, or do not read them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from grpc import aio
from memory_hub import Hub

from gator.v1 import query_service_pb2_grpc

CLIENTS = 100
SECONDS = 8.0


async def ask(hub: Hub, clients: int, one: Callable[[Any, Any], Awaitable[int]]) -> str:
    """Runs clients that send requests repeatedly for a while."""
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


async def not_reading(hub: Hub, method: str, request: bytes) -> str:
    """Runs clients that send a request and read no more than gRPC does by itself."""
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_not_reading(hub, method, request))
    return ""


async def _not_reading(hub: Hub, method: str, request: bytes) -> None:
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0))
    async with aio.insecure_channel(hub.address, options=options) as channel:
        # As a stream, so that nothing is read before it is requested.
        call: Any = cast("Any", channel).stream_stream(method)(metadata=hub.metadata)
        await call.write(request)
        await call.done_writing()
        await asyncio.sleep(SECONDS)
        call.cancel()
