"""Measures whole runs side by side with other tools, in one session on one machine.

    python tests/benchmarks/run_bench.py            all parts, takes some minutes
    python tests/benchmarks/run_bench.py flat one   only these parts

Parts: flat (2,000 x true), big (100,000 x true), tree (1,000 groups of 3 jobs), lines (1,000,000 lines from
one job), read (reading them back), one (one echo), quiet (one more job that sleeps), watch (a change until a
watcher sees it). Tools that are not installed are omitted and listed: xargs, GNU parallel, HyperQueue (PyPI
`hyperqueue`, in this Python or in the one that HQ_PYTHON names).
Absolute numbers on shared machines vary; compare within one session.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

GATOR = [sys.executable, "-m", "gator"]
ROUNDS = 3
LINE = "x" * 69


def main() -> None:
    parts = sys.argv[1:] or list(PARTS)
    for name in parts:
        with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
            print(f"== {name}")
            PARTS[name](Path(folder))


def timed(command: list[str], cwd: Path) -> tuple[float, float, int]:
    """Seconds of wall time, of processor time, and the peak of resident memory in MB of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    wall = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{command} exited with {done.returncode}: {done.stderr.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss // 1024


def median(run: Callable[[], float], rounds: int = ROUNDS) -> float:
    return statistics.median(run() for _ in range(rounds))


def array(folder: Path, repeats: int) -> Path:
    spec = folder / f"array{repeats}.yaml"
    spec.write_text(
        f"!JobArray\n  ident: flat\n  repeats: {repeats}\n  jobs:\n"
        "  - !Job\n      ident: x\n      command: 'true'\n"
    )
    return spec


def gator(folder: Path, spec: Path, *options: str) -> float:
    tracking = folder / f"run-{time.monotonic_ns()}"
    wall, cpu, _ = timed([*GATOR, "run", str(spec), "--quiet", "--tracking", str(tracking), *options], folder)
    print(f"   gator: {wall:.2f} s wall, {cpu:.2f} s processor")
    return wall


def flat(folder: Path) -> None:
    """Measures 2,000 x true: jobs per second of the whole command, in turn with other tools."""
    number = 2000
    spec = array(folder, number)
    others: dict[str, Callable[[], float]] = {}
    if shutil.which("xargs"):
        others["xargs -P2"] = lambda: timed(
            ["sh", "-c", f"seq {number} | xargs -P{os.cpu_count()} -n1 true"], folder
        )[0]
    if shutil.which("parallel"):
        others["parallel"] = lambda: timed(
            ["sh", "-c", f"seq {number} | parallel -j{os.cpu_count()} true"], folder
        )[0]
    script = Path(__file__).with_name("hyperqueue_run.py")
    python = os.environ.get("HQ_PYTHON", sys.executable)
    have = subprocess.run([python, "-c", "import hyperqueue"], capture_output=True, check=False)
    if have.returncode == 0:
        others["hyperqueue"] = lambda: timed([python, str(script), str(number)], folder)[0]
    walls: dict[str, list[float]] = {name: [] for name in ["gator", *others]}
    for _ in range(ROUNDS):
        walls["gator"].append(gator(folder, spec))
        for name, run in others.items():
            walls[name].append(run())
    rates = {name: number / statistics.median(times) for name, times in walls.items()}
    for name, rate in rates.items():
        print(f"{name:12} {rate:8.0f} jobs/s   gator/{name} {rates['gator'] / rate:.2f}")
    for name in {"xargs -P2", "parallel", "hyperqueue"} - set(others):
        print(f"{name:12} not installed")


def big(folder: Path) -> None:
    """Compares 100,000 x true with 2,000: rate, and memory of the root."""
    small = 2000 / median(lambda: gator(folder, array(folder, 2000)))
    spec = array(folder, 100_000)
    tracking = folder / "big"
    root = subprocess.Popen([*GATOR, "run", str(spec), "--quiet", "--tracking", str(tracking)], cwd=folder)
    began, peak = time.perf_counter(), 0
    while root.poll() is None:
        try:
            status = Path(f"/proc/{root.pid}/status").read_text()
        except OSError:
            break
        peak = max(
            [peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))]
        )
        time.sleep(0.2)
    root.wait()
    rate = 100_000 / (time.perf_counter() - began)
    print(
        f"2,000: {small:.0f} jobs/s   100,000: {rate:.0f} jobs/s   ratio {rate / small:.2f}   "
        f"root {peak // 1024} MB"
    )


def tree(folder: Path) -> None:
    """Compares 1,000 groups of 3 jobs with the flat array."""
    job = "      - !Job\n          ident: {}\n          command: 'true'\n"
    groups = "".join(
        f"  - !JobGroup\n      ident: g{number}\n      jobs:\n" + "".join(job.format(name) for name in "abc")
        for number in range(1000)
    )
    spec = folder / "tree.yaml"
    spec.write_text(f"!JobGroup\n  ident: tree\n  jobs:\n{groups}")
    wide = 3000 / median(lambda: gator(folder, spec))
    even = 3000 / median(lambda: gator(folder, array(folder, 3000)))
    print(f"tree {wide:.0f} jobs/s   flat {even:.0f} jobs/s   ratio {wide / even:.2f}")


def lines(folder: Path) -> None:
    """Measures 1,000,000 lines of 70 bytes from one job: lines per second, compared with a bare pipe."""
    source = folder / "lines.txt"
    source.write_text((LINE + "\n") * 1_000_000)
    spec = folder / "lines.yaml"
    spec.write_text("!Job\n  ident: writer\n  command: cat\n  args: [lines.txt]\n")
    pipe = 1e6 / median(lambda: timed(["sh", "-c", "cat lines.txt | cat > /dev/null"], folder)[0])
    rate = 1e6 / median(lambda: gator(folder, spec))
    print(f"gator {rate:,.0f} lines/s   pipe {pipe:,.0f} lines/s   ratio {rate / pipe:.2f}")


def read(folder: Path) -> None:
    """Measures reading 1,000,000 lines, and a regular expression over all of them."""
    (folder / "lines.txt").write_text((LINE + "\n") * 999_999 + "the needle\n")
    spec = folder / "lines.yaml"
    spec.write_text("!Job\n  ident: writer\n  command: cat\n  args: [lines.txt]\n")
    timed([*GATOR, "run", str(spec), "--quiet", "--tracking", "run"], folder)
    logs = 1e6 / median(lambda: timed([*GATOR, "logs", "writer", "-r", "run"], folder)[0])
    grep = 1e6 / median(lambda: timed([*GATOR, "grep", "need(le|y)", "-r", "run"], folder)[0])
    print(f"gator logs {logs:,.0f} lines/s   gator grep {grep:,.0f} lines/s")


def one(folder: Path) -> None:
    """Measures one echo, the whole command."""
    spec = folder / "one.yaml"
    spec.write_text("!Job\n  ident: one\n  command: echo\n  args: [hi]\n")
    wall = median(lambda: gator(folder, spec), 7)
    python = median(lambda: timed([sys.executable, "-c", "pass"], folder)[0], 7)
    print(f"gator run of one echo {wall:.3f} s   bare python {python:.3f} s")


def quiet(folder: Path) -> None:
    """Measures processor time and memory of one more quiet job, from the difference of 1 and 33 sleeps."""
    figures: dict[int, tuple[float, int]] = {}
    for number in (1, 33):
        spec = folder / f"sleep{number}.yaml"
        spec.write_text(
            f"!JobArray\n  ident: sleep\n  repeats: {number}\n  jobs:\n  - !Job\n      ident: s\n"
            "      command: sleep\n      args: ['20']\n      resources:\n      - !Cores [0]\n"
        )
        wall, cpu, peak = timed(
            [*GATOR, "run", str(spec), "--quiet", "--placement", "inline", "--tracking", f"r{number}"], folder
        )
        figures[number] = cpu / wall, peak
    cpu = (figures[33][0] - figures[1][0]) / 32
    memory = (figures[33][1] - figures[1][1]) / 32
    print(f"one more quiet job: {cpu:.2%} of a core, {memory:.2f} MB")


def watch(folder: Path) -> None:
    """Measures the delay from the time of a Result until a watcher of the live root has it."""
    import grpc

    from gator.rpc.channel import bearer, open_blocking_channel
    from gator.run_folder import RunFolder
    from gator.v1 import attach_pb2, query_service_pb2_grpc
    from gator.v1 import query_service_pb2 as qs

    spec = folder / "watch.yaml"
    spec.write_text(
        "!JobArray\n  ident: watch\n  repeats: 100\n  jobs:\n"
        "  - !Job\n      ident: s\n      command: sleep\n      args: ['0.1']\n"
    )
    run = subprocess.Popen([*GATOR, "run", str(spec), "--quiet", "--tracking", "run"], cwd=folder)
    live = RunFolder(folder / "run")
    while (control := live.read_control()) is None:
        time.sleep(0.01)
    address, token = control
    delays: list[float] = []
    with open_blocking_channel(address) as channel:
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        wanted = qs.WatchEventsRequest(filter=attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_RESULT]))
        try:
            for response in stub.WatchEvents(wanted, metadata=bearer(token)):
                now = time.time_ns()
                delays += [(now - kept.event.time_unix_nanos) / 1e6 for kept in response.events]
        except grpc.RpcError:
            pass  # The run has ended, and its server with it.
    run.wait()
    delays.sort()
    print(f"{len(delays)} changes: median {statistics.median(delays):.0f} ms, worst {delays[-1]:.0f} ms")


PARTS: dict[str, Callable[[Path], None]] = {
    "flat": flat,
    "big": big,
    "tree": tree,
    "lines": lines,
    "read": read,
    "one": one,
    "quiet": quiet,
    "watch": watch,
}

if __name__ == "__main__":
    main()
