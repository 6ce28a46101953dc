"""Measures events and lines per second through a store: `python tests/benchmarks/store_bench.py`.

Prints the cost per event for the owner's thread, and the total.
"""

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

from gator.store import RunStores, Store
from gator.v1 import attach_pb2, common_pb2, event_pb2

JOBS = 20_000
GATHERED = 20
"""Number of jobs between two turns of the loop."""
BLOCK_LINES = 7_400
BLOCKS = 135

Call = Callable[[], None]


def job(number: int) -> tuple[list[event_pb2.Event], list[event_pb2.Event], list[event_pb2.Event]]:
    """Returns the events of a job from the tier and from the wrapper."""
    path, now = f"top/many[{number}]", 1_700_000_000_000_000_000 + number
    declared = event_pb2.Declared(kind=common_pb2.NODE_KIND_JOB, jobs=1, seed=number + 1)
    declared.demand.cores = 1
    usage = event_pb2.Usage(wall_nanos=5_000_000, user_nanos=1_000_000, system_nanos=1_000_000)
    finished = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_PASSED, exit_code=0, usage=usage)
    result = event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, attempts=1, usage=usage)
    result.jobs.passed = 1
    started = event_pb2.Started(host="here", pid=number + 100, argv=["true"], cwd="/home/ann")
    return (
        [event_pb2.Event(path=path, time_unix_nanos=now, declared=declared)],
        [
            event_pb2.Event(path=path, attempt=1, time_unix_nanos=now, started=started),
            event_pb2.Event(path=path, attempt=1, time_unix_nanos=now, attempt_finished=finished),
        ],
        [event_pb2.Event(path=path, time_unix_nanos=now, result=result)],
    )


def make(folder: Path, name: str, *, catalogue: bool, post: Callable[[Call], object]) -> Store:
    return Store.create(
        folder / "stores" / f"{name}.db",
        store_id=name,
        run="bench",
        daemon=name,
        host="here",
        catalogue=catalogue,
        post=post,
    )


def report(what: str, count: int, unit: str, began: float, owner: float | None = None) -> None:
    seconds = time.perf_counter() - began
    paid = "" if owner is None else f", {owner / count * 1e6:.1f} us of the owner's thread each"
    print(f"{what}: {count / seconds:,.0f} {unit}/s{paid}")


def bench_events(folder: Path) -> None:
    """Measures whole jobs; one process has the stores of a root and of a wrapper."""
    posted: SimpleQueue[Call] = SimpleQueue()
    root = make(folder, "root", catalogue=True, post=posted.put)
    wrapper = make(folder, "w1", catalogue=False, post=posted.put)
    jobs = [job(number) for number in range(JOBS)]
    began, owner = time.perf_counter(), 0.0
    for at in range(0, JOBS, GATHERED):
        mark = time.perf_counter()
        for declared, written, result in jobs[at : at + GATHERED]:
            root.append(declared)
            after = wrapper.last
            through = wrapper.append(written)
            root.absorb(attach_pb2.Batch(store="w1", after=after, through=through, events=written))
            root.append(result)
        owner += time.perf_counter() - mark
        # Like a loop: the next events are appended when these are committed.
        done: list[None] = []
        root.append((), lambda done=done: done.append(None))
        while not done:
            posted.get()()
    root.close()
    wrapper.close()
    report("whole jobs, in groups of 20", JOBS * 4, "events", began, owner)
    size = sum(path.stat().st_size for path in (folder / "stores").iterdir())
    print(f"size: {size / JOBS:,.0f} bytes a job")


def lines() -> Iterator[bytes]:
    """Yields blocks of different lines of 70 bytes."""
    rng = random.Random(1)
    for block in range(BLOCKS):
        yield b"".join(
            b"%08d cycle %08x: transaction %04x ok, bus idle, no fault seen......\n"
            % (block * BLOCK_LINES + line, rng.getrandbits(32), rng.getrandbits(16))
            for line in range(BLOCK_LINES)
        )


def bench_lines(folder: Path) -> None:
    """Measures one attempt that writes a million lines, and reading them."""
    posted: SimpleQueue[Call] = SimpleQueue()
    store = make(folder, "w2", catalogue=False, post=posted.put)
    blocks = list(lines())
    count = BLOCKS * BLOCK_LINES
    began, owner = time.perf_counter(), 0.0
    for number, data in enumerate(blocks):
        mark = time.perf_counter()
        block = event_pb2.Block(
            stream=common_pb2.STREAM_STDOUT,
            first_line=number * BLOCK_LINES + 1,
            lines=BLOCK_LINES,
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
        )
        store.append([event_pb2.Event(path="top/loud", attempt=1, block=block)])
        owner += time.perf_counter() - mark
    store.close()
    report("lines in blocks, written", count, "lines", began, owner)
    with RunStores.open(folder) as reader:
        began = time.perf_counter()
        size = sum(map(len, reader.output("top/loud", 1)))
        report("lines in blocks, read back", count, "lines", began)
    print(f"kept: {(folder / 'stores' / 'w2.db').stat().st_size / size:.2f} of {size:,} bytes")


def main() -> None:
    sys.setswitchinterval(0.0005)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "stores").mkdir()
        bench_events(folder)
        bench_lines(folder)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
