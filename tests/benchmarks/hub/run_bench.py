"""Measures the cost of a hub for a run: an array without a hub, with a missing hub, and with a live hub.

    python tests/benchmarks/hub/run_bench.py          in turns, some minutes
    python tests/benchmarks/hub/run_bench.py 2000 3   jobs of an array, rounds

Prints the rate of each, and its ratio to the run without a hub in the same rounds.
"""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GATOR = [sys.executable, "-m", "gator"]


def array(folder: Path, repeats: int) -> Path:
    spec = folder / f"array{repeats}.yaml"
    spec.write_text(
        f"!JobArray\n  ident: flat\n  repeats: {repeats}\n  jobs:\n"
        "  - !Job\n      ident: x\n      command: 'true'\n"
    )
    return spec


def seconds(spec: Path, *options: str) -> tuple[float, float]:
    """Seconds of the run alone, and of the whole command with its start and its wait for the hub."""
    tracking = spec.parent / f"run-{time.monotonic_ns()}"
    began = time.perf_counter()
    done = subprocess.run(
        [*GATOR, "run", str(spec), "--quiet", "--tracking", str(tracking), *options],
        cwd=spec.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    whole = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(done.stderr)
    with sqlite3.connect(tracking / "stores" / "root.db") as store:
        sql = "SELECT min(declared_unix_nanos), max(ended_unix_nanos) FROM nodes"
        first, last = store.execute(sql).fetchone()
    store.close()
    return (last - first) / 1e9, whole


def main() -> None:
    repeats, rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int((*sys.argv, 0, 0, 5)[2] or 5)
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        hub = subprocess.Popen([*GATOR, "hub", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert hub.stdout is not None
        try:
            line = hub.stdout.readline()
            address = line.rpartition("//")[2].strip()
            spec = array(folder, repeats)
            ways = {
                "no hub": (),
                "hub that is not there": ("--hub", "localhost:1"),
                "hub that listens": ("--hub", address),
            }
            taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, options in ways.items():
                    taken[way].append(seconds(spec, *options))
            for way, times in taken.items():
                for part, name in ((0, "run"), (1, "command")):
                    mine = [one[part] for one in times]
                    bare = [one[part] for one in taken["no hub"]]
                    rate = repeats / statistics.median(mine)
                    ratio = statistics.median(a / b for a, b in zip(bare, mine, strict=True))
                    span = f"({min(mine):.2f} to {max(mine):.2f} s)"
                    print(f"{way:<22} {name:<8} {rate:6.0f} jobs/s   {ratio:.2f} of no hub   {span}")
        finally:
            hub.terminate()
            hub.wait()


if __name__ == "__main__":
    main()
