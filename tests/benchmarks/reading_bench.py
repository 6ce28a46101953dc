"""Measures the reading commands on a run of 50,000 jobs, in a folder and in a hub.

    python tests/benchmarks/reading_bench.py [FOLDER] [--hub ADDRESS]

A run that an earlier call left in FOLDER is reused. Prints tables for docs/performance.md: wall time,
processor time of the command alone, and the number of lines that it prints.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GATOR = [sys.executable, "-m", "gator"]
COMMANDS = (
    ("status", "big"),
    ("tree", "-d", "1"),
    ("failures",),
    ("grep", "nothing has this"),
    ("grep", "^hit 1999"),
    ("metrics",),
    ("metrics", "--name", "none"),
    ("resources", "big/many/g1"),
    ("show", "many/g1/j1"),
    ("grep", "broken", "many/g1"),
    ("logs", "big/many/g1/j7"),
    ("logs", "big/many/g1", "--long"),
    ("tree",),
    ("resources",),
    ("grep", "^hit"),
    ("failures", "-n", "0", "--all"),
    ("tree", "-n", "0"),
    ("grep", "-n", "0", "^hit"),
)
"""The last three print more than a screen."""


SPEC = """\
!JobGroup
  ident: big
  jobs:
  - !JobArray
      ident: zeta
      repeats: 20000
      jobs:
      - !Job
          ident: flat
          command: echo
          args: ['hit $GATOR_ARRAY_INDEX']
  - !JobArray
      ident: pairs
      repeats: 5000
      jobs:
      - !JobGroup
          ident: pair
          jobs:
          - !Job
              ident: run
              command: echo
              args: [run]
          - !Job
              ident: build
              command: echo
              args: [build]
  - !JobArray
      ident: metered
      repeats: 5
      jobs:
      - !Job
          ident: m
          command: gator
          args: [metric, cycles, '3.5']
  - !JobGroup
      ident: many
      jobs:"""


def spec(folder: Path) -> Path:
    """Returns a spec of 50,005 jobs: an array, an array of groups, and groups with 400 failing jobs."""
    lines = [SPEC]
    for group in range(200):
        lines.append(f"      - !JobGroup\n          ident: g{group}\n          jobs:")
        for job in range(100):
            command = "'true'"
            if job % 50 == 7:
                command = f"sh\n              args: ['-c', 'echo broken {job % 4} >&2; exit 3']"
            lines.append(f"          - !Job\n              ident: j{job}\n              command: {command}")
    path = folder / "big.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def timed(command: list[str]) -> tuple[float, float, int]:
    """Returns wall and processor time in seconds, and the number of lines that a command prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > 1:
        sys.exit(f"{command} exited with {done.returncode}: {done.stderr.decode()[-2000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor, done.stdout.count(b"\n")


def table(run: str, *options: str) -> None:
    """Prints the times of all commands on one run, the best of three."""
    print("| command | wall | processor | lines |\n|---|---|---|---|")
    for command in COMMANDS:
        tries = [timed([*GATOR, *command, "-r", run, *options]) for _ in range(3)]
        wall, processor, lines = min(tries)
        print(f"| `{' '.join(command)}` | {wall:.2f} s | {processor:.2f} s | {lines:,} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="where the run is, or is made; default a new folder")
    parser.add_argument("--hub", help="address of a hub that the run is imported to, and asked there")
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp(prefix="gator-reading-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    run = folder / "run"
    if not run.exists():
        wall, _, _ = timed([*GATOR, "run", str(spec(folder)), "--quiet", "--tracking", str(run)])
        print(f"the run took {wall:.0f} s, in {run}")
    table(str(run))
    if given.hub:
        timed([*GATOR, "hub", "import", str(run), "--hub", given.hub])
        table("hub:", "--hub", given.hub)


if __name__ == "__main__":
    main()
