"""Compares this checkout with an earlier commit and with HyperQueue, in alternating rounds.

    python tests/benchmarks/ratchet.py [--against COMMIT] [--rounds N]

prints the table of docs/performance.md and exits with 1 if a figure is more than 5 % worse than that of
COMMIT. The commit is checked out beside this one and runs with the same interpreter and packages.
HyperQueue is PyPI `hyperqueue` in this Python; without it its row is left out. Run it on a machine that does
nothing else.
"""

import argparse
import contextlib
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

ROOT: Final = Path(__file__).parents[2]
MAX_RATIO: Final = 1.05
"""Maximum ratio of a time to that of the earlier commit."""
JOBS: Final = 2000
LINES: Final = 1_000_000
_FIRST: Final = "first"
"""File that the first job of a tree makes."""


class Case(Struct, frozen=True):
    """A command whose time is measured."""

    spec: str
    first_job: bool = False
    """The time ends when the first job has started instead of when the command has ended."""


CASES: Final = {
    "one `echo`": Case("!Job {ident: one, command: echo, args: [hi]}\n"),
    "first job of a tree": Case(
        "!JobGroup\nident: tree\njobs:\n"
        f"- !Job {{ident: first, shell: ': > {_FIRST}'}}\n"
        "- !JobArray {ident: a, repeats: 100, jobs: [!Job {ident: t, command: 'true'}]}\n",
        first_job=True,
    ),
    "chain of 6 `echo`": Case(
        "!JobGroup\nident: chain\njobs:\n- !Job {ident: j0, command: echo}\n"
        + "".join(f"- !Job {{ident: j{at}, command: echo, on_pass: j{at - 1}}}\n" for at in range(1, 6))
    ),
    f"{JOBS:,} × `true`": Case(
        f"!JobArray\nident: a\nrepeats: {JOBS}\njobs:\n- !Job {{ident: t, command: 'true'}}\n"
    ),
    # Without pipefail, because `yes` ends by SIGPIPE.
    f"{LINES:,} lines": Case(
        f"!Job\nident: lines\nshell: 'set +o pipefail; yes {'x' * 69} | head -{LINES}'\n"
    ),
}
HYPERQUEUE: Final = f"{JOBS:,} × `true`"
"""The case that HyperQueue runs too."""


def main() -> int:
    """Measures all cases and prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", metavar="COMMIT", help="Compare with this commit.")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="Run each case N times.")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        checkouts = {"this": ROOT}
        if options.against:
            checkouts["earlier"] = stack.enter_context(checked_out(options.against))
        taken = {name: measure(name, case, checkouts, options.rounds) for name, case in CASES.items()}
    print(f"| median of {options.rounds} rounds | this | {options.against or 'earlier'} | ratio |")
    print("|---|---|---|---|")
    worse = [name for name, times in taken.items() if show(name, times)]
    for name in worse:
        print(f"{name} is more than {MAX_RATIO - 1:.0%} slower", file=sys.stderr)
    return 1 if worse else 0


@contextlib.contextmanager
def checked_out(commit: str) -> Generator[Path]:
    """Checks a commit out into a folder of its own, and removes that afterwards."""
    with tempfile.TemporaryDirectory(prefix="gator-ratchet-") as folder:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, commit], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def measure(name: str, case: Case, checkouts: Mapping[str, Path], rounds: int) -> dict[str, list[float]]:
    """Returns the times in seconds of a case by checkout, and of HyperQueue where it runs the same."""
    taken: dict[str, list[float]] = {who: [] for who in checkouts}
    for checkout in checkouts.values():
        # The first round would compile the modules otherwise.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(checkout / "gator")], check=True)
    has_hyperqueue = name == HYPERQUEUE and importlib.util.find_spec("hyperqueue") is not None
    if has_hyperqueue:
        taken["HyperQueue"] = []
    for number in range(rounds):
        # The first one of a round may be slower or faster, for example after a pause of the processor.
        for who in sorted(checkouts, reverse=number % 2 == 1):
            taken[who].append(run_gator(case, checkouts[who]))
        if has_hyperqueue:
            taken["HyperQueue"].append(run_hyperqueue())
    return taken


def run_gator(case: Case, checkout: Path) -> float:
    """Returns the seconds that `gator run` takes with the code of a checkout."""
    command = [sys.executable, "-P", "-m", "gator", "run", "--quiet", "spec.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
        (Path(folder) / "spec.yaml").write_text(case.spec)
        began = time.time()
        seconds = run(command, folder, environment)
        return (Path(folder) / _FIRST).stat().st_mtime - began if case.first_job else seconds


def run_hyperqueue() -> float:
    """Returns the seconds that HyperQueue takes for the array of `true`, its start included."""
    script = Path(__file__).with_name("hyperqueue_run.py")
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
        return run([sys.executable, str(script), str(JOBS)], folder, os.environ)


def run(command: list[str], folder: str, environment: Mapping[str, str]) -> float:
    """Returns the seconds that a command takes. Ends this program if it fails."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} exited with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return time.perf_counter() - began


def show(name: str, taken: Mapping[str, list[float]]) -> bool:
    """Prints the row of a case. Returns whether it is worse than the earlier commit."""
    first = taken["this"]
    median = statistics.median(first)
    worse = False
    if earlier := taken.get("earlier"):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(first, earlier, strict=True))
        print(f"| {name} | {median:.3f} s | {statistics.median(earlier):.3f} s | {ratio:.2f} |")
        worse = ratio > MAX_RATIO
    else:
        print(f"| {name} | {median:.3f} s | | |")
    if others := taken.get("HyperQueue"):
        ratio = statistics.median(theirs / ours for ours, theirs in zip(first, others, strict=True))
        print(f"| {name}, HyperQueue | {statistics.median(others):.3f} s | | {ratio:.2f} of this |")
    return worse


if __name__ == "__main__":
    sys.exit(main())
