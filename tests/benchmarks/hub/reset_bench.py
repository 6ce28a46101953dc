"""Measures how long clients of a hub wait while a stranger opens calls and resets them (HTTP/2 rapid reset).

    python tests/benchmarks/hub/reset_bench.py [--connections 1 8 64] [--seconds 10]

The stranger has no token. It never waits for an answer, so its calls cost it next to nothing.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import hpack
from hyperframe.frame import HeadersFrame, RstStreamFrame, SettingsFrame

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "hub")]

from tests.component.hub.processes import Keeper  # noqa: E402

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/gator.v1.HubService/ListRuns"),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)
_CALLS_A_WRITE = 100
_LONGEST_SECONDS = 120.0


def attack(port: int, connections: int, stop: Event) -> None:
    """Opens and resets calls on a number of connections until it is told to stop."""
    asyncio.run(_attack(port, connections, stop))


async def _attack(port: int, connections: int, stop: Event) -> None:
    tasks = [asyncio.create_task(_reset(port, stop)) for _ in range(connections)]
    counts = await asyncio.gather(*tasks)
    print(f"    {sum(counts)} calls were reset", flush=True)


async def _reset(port: int, stop: Event) -> int:
    calls = 0
    while not stop.is_set():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        reading = asyncio.create_task(_drop(reader))
        try:
            calls += await _flood(writer, stop)
        except OSError:
            await asyncio.sleep(0.05)
        reading.cancel()
        writer.close()
    return calls


async def _drop(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65_536):
            pass
    except OSError:
        pass


async def _flood(writer: asyncio.StreamWriter, stop: Event) -> int:
    writer.write(_PREFACE + SettingsFrame(0).serialize())
    stream = 1
    encoder = hpack.Encoder()
    while not stop.is_set() and not writer.is_closing() and stream < 2**31 - 2 * _CALLS_A_WRITE:
        frames = bytearray()
        for _ in range(_CALLS_A_WRITE):
            block = encoder.encode(_HEADERS)
            frames += HeadersFrame(stream, block, flags=["END_HEADERS"]).serialize()
            frames += RstStreamFrame(stream, error_code=8).serialize()
            stream += 2
        writer.write(bytes(frames))
        await writer.drain()
    return stream // 2


def ask(address: str, token: str, seconds: float) -> list[float]:
    """Returns the durations of calls of a client with a token, in seconds."""
    from gator.rpc.channel import bearer, open_blocking_channel
    from gator.v1 import hub_service_pb2 as hs
    from gator.v1 import hub_service_pb2_grpc

    latencies: list[float] = []
    end = time.monotonic() + seconds
    with open_blocking_channel(address) as channel:
        stub = hub_service_pb2_grpc.HubServiceStub(channel)
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                stub.ListRuns(
                    hs.ListRunsRequest(),
                    metadata=bearer(token),
                    timeout=_LONGEST_SECONDS,
                    wait_for_ready=True,
                )
            except Exception as error:
                print(f"    a call failed: {type(error).__name__} {getattr(error, 'details', str)()}")
            latencies.append(time.monotonic() - began)
            time.sleep(0.1)
    return latencies


def _print(what: str, latencies: list[float]) -> None:
    print(
        f"{what:34} {len(latencies):4} calls, median {statistics.median(latencies) * 1000:.0f} ms, "
        f"longest {max(latencies) * 1000:.0f} ms",
        flush=True,
    )


def main() -> None:
    """Measures without and with the attack."""
    parser = argparse.ArgumentParser(description="Clients of a hub beside rapid resets.")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Keeper(Path(name)).hub() as hub:
        token = hub.keeper.token
        _print("alone", ask(hub.address, token, given.seconds / 2))
        for connections in given.connections:
            stop = multiprocessing.Event()
            attacker = multiprocessing.Process(target=attack, args=(hub.port, connections, stop))
            attacker.start()
            time.sleep(1.0)
            _print(f"beside {connections} connections", ask(hub.address, token, given.seconds))
            stop.set()
            attacker.join()
            _print("afterwards", ask(hub.address, token, 2.0))


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
