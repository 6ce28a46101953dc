"""Measures one wrapper host with real processes and a real store.

Run `python tests/benchmarks/wrapper_bench.py`.

`jobs` runs `true` under two leases as fast as possible, compared with a bare spawn and wait of the same
command. `lines` are 1,000,000 lines of 70 bytes
from one job.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gator.daemon.attempts.host import WrapperHost
from gator.daemon.attempts.host_context import WrapperContext
from gator.process.host import become_subreaper
from gator.process.reaper import Reaper
from gator.process.spawn import SpawnRequest, spawn
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2, spec_pb2

JOBS = 2_000
LINES = 1_000_000


@dataclass(slots=True)
class Measured:
    """Times in seconds; `cpu` is that of this process alone."""

    wall: float
    cpu: float


async def measure(folder: Path, nodes: list[attach_pb2.LaunchNode]) -> Measured:
    """Runs attempts until they have ended."""
    loop = asyncio.get_running_loop()
    store = Store.create(
        folder / "bench.db",
        store_id="0" * 32,
        run="bench",
        daemon="bench",
        host="here",
        catalogue=False,
        post=loop.call_soon_threadsafe,
    )
    reaper = Reaper(loop)
    left = len(nodes)
    done = loop.create_future()

    def on_finished(_path: str, _attempt: int, end: event_pb2.AttemptFinished) -> None:
        nonlocal left
        left -= 1
        if end.outcome != 1:
            print(end, file=sys.stderr)
        if not left:
            done.set_result(None)

    context = WrapperContext(
        run=attach_pb2.RunContext(run="bench", folder=str(folder)),
        host="here",
        environment=dict(os.environ),
        launch_dir=str(folder),
        token=lambda _path, _attempt: "0" * 64,
    )
    host = WrapperHost(loop, store, reaper, context, on_finished=on_finished)
    wall, cpu = time.perf_counter(), time.process_time()
    for node in nodes:
        host.launch(node)
    await done
    measured = Measured(time.perf_counter() - wall, time.process_time() - cpu)
    host.close()
    reaper.close()
    await asyncio.to_thread(store.close)
    return measured


def bare(number: int) -> Measured:
    """Spawns, reads and waits for the same command without a wrapper."""
    command = SpawnRequest(["true"], dict(os.environ), "/")
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(number):
        process = spawn(command)
        for fd in (process.stdout_fd, process.stderr_fd):
            assert fd is not None
            os.read(fd, 1)
            os.close(fd)
        os.wait4(process.pid, 0)
    return Measured(time.perf_counter() - wall, time.process_time() - cpu)


def jobs() -> list[attach_pb2.LaunchNode]:
    job = spec_pb2.Job(ident="true", command="true")
    return [
        attach_pb2.LaunchNode(
            path=f"array/true[{n}]", attempt=1, lease=n % 2 + 1, cores=1, seed=n + 1, array_index=n, job=job
        )
        for n in range(JOBS)
    ]


def lines() -> list[attach_pb2.LaunchNode]:
    text = "INFO a line of a simulation that goes on and on, with some words.."
    job = spec_pb2.Job(ident="lines", command="sh", args=["-c", f"yes '{text:.69}' | head -n {LINES}"])
    return [attach_pb2.LaunchNode(path="lines", attempt=1, lease=1, cores=1, seed=1, job=job)]


def run(make: Callable[[], list[attach_pb2.LaunchNode]]) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(Path(folder), make()))


def main() -> None:
    sys.setswitchinterval(0.0005)
    become_subreaper()
    alone = bare(JOBS // 2)
    print(f"bare spawn: {alone.cpu / (JOBS // 2) * 1e6:.0f} us of CPU each")
    took = run(jobs)
    each = took.cpu / JOBS * 1e6
    print(f"jobs: {JOBS / took.wall:,.0f}/s, {each:.0f} us of CPU each")
    took = run(lines)
    print(f"lines: {LINES / took.wall:,.0f}/s, {LINES / took.cpu:,.0f} per second of CPU")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
