"""Measures the delay until a run, its changes and its end are in a hub.

    python tests/benchmarks/hub/delay_bench.py          a quiet run, and one that fills all cores
    python tests/benchmarks/hub/delay_bench.py 6        number of rounds

An event is in the hub when a reader of its database sees it. The delay counts from the time of the event.
"""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

GATOR = [sys.executable, "-m", "gator"]
LOOK_SECONDS = 0.005
SEQ_BITS = 36
"""Number of low bits of a row id that hold the sequence number; the number of the store is above them."""
RUNS = {
    "quiet": "repeats: 40\njobs:\n- !Job {ident: x, command: sleep, args: ['0.05']}\n",
    "all cores full": "repeats: 2000\njobs:\n- !Job {ident: x, command: 'true'}\n",
}


class Record:
    """A reader of the database of a hub, with its position."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
        self._last: dict[int, int] = {}
        self.close = self._connection.close

    def value(self, sql: str) -> int:
        """Returns the single number that a query selects."""
        return self._connection.execute(sql).fetchone()[0]

    def new_times(self) -> Iterator[int]:
        """Yields the times of the events that were added since the last call."""
        for (store,) in self._connection.execute("SELECT id FROM stores").fetchall():
            last = self._last.get(store, store << SEQ_BITS)
            sql = "SELECT place, time_unix_nanos FROM events WHERE place > ? AND place < ? ORDER BY place"
            for place, at in self._connection.execute(sql, (last, (store + 1) << SEQ_BITS)).fetchall():
                self._last[store] = place
                yield at


@contextmanager
def serving(folder: Path) -> Generator[tuple[str, Path]]:
    """Starts a hub. Returns its address and the file of its record."""
    record = folder / "hub.db"
    command = [*GATOR, "hub", "serve", "--port", "0", "--db", str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as hub:
        assert hub.stdout is not None
        try:
            yield hub.stdout.readline().rpartition("//")[2].strip(), record
        finally:
            hub.terminate()


def one_run(spec: Path, address: str, record: Record) -> tuple[float, list[float], float]:
    """Returns the milliseconds until the run, each event and the end were in the hub."""
    runs = record.value("SELECT count(*) FROM runs")
    ended = record.value("SELECT count(*) FROM runs WHERE ended_unix_nanos IS NOT NULL")
    list(record.new_times())
    tracking = spec.parent / f"run-{time.monotonic_ns()}"
    appeared, delays = 0, list[float]()
    command = [*GATOR, "run", str(spec), "--quiet", "--tracking", str(tracking), "--hub", address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        while record.value("SELECT count(*) FROM runs WHERE ended_unix_nanos IS NOT NULL") == ended:
            if not appeared and record.value("SELECT count(*) FROM runs") > runs:
                appeared = time.time_ns()
            times = list(record.new_times())
            now = time.time_ns()
            delays += [(now - at) / 1e6 for at in times]
            time.sleep(LOOK_SECONDS)
        seen = time.time_ns()
        running.wait()
    with closing(sqlite3.connect(tracking / "stores" / "root.db")) as store:
        began, over = store.execute(
            "SELECT min(declared_unix_nanos), max(ended_unix_nanos) FROM nodes"
        ).fetchone()
    return (appeared - began) / 1e6, delays, (seen - over) / 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        with serving(folder) as (address, file), closing(Record(file)) as record:
            print(f"{'milliseconds until it is in the hub':<36} the run  median  longest  the end")
            for what, text in RUNS.items():
                spec = folder / "spec.yaml"
                spec.write_text(f"!JobArray\nident: delays\n{text}")
                for _ in range(rounds):
                    appeared, delays, end = one_run(spec, address, record)
                    median, longest = statistics.median(delays), max(delays)
                    print(f"{what:<36} {appeared:7.0f} {median:7.0f} {longest:8.0f} {end:8.0f}")


if __name__ == "__main__":
    main()
