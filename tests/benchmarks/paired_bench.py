"""Two installations of Gator and HyperQueue side by side, in alternating rounds; prints medians and ratios.

    python tests/benchmarks/paired_bench.py [OTHER_PYTHON] [ROUNDS]

OTHER_PYTHON is the interpreter of an environment with another version of Gator, such as that of the commit
before a change; left out, only this one is measured. HyperQueue is PyPI `hyperqueue` in this Python; without
it that column is left out. Run it on a machine that does nothing else.
"""

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
JOBS = 2000
LINES = 1_000_000
SPECS = {
    "one echo": "!Job {ident: one, command: echo, args: [hi]}\n",
    "chain of 6 echos": "!JobGroup\nident: chain\njobs:\n- !Job {ident: j0, command: echo}\n"
    + "".join(f"- !Job {{ident: j{at}, command: echo, on_pass: j{at - 1}}}\n" for at in range(1, 6)),
    f"{JOBS:,} x true": "!JobArray\n"
    f"ident: a\nrepeats: {JOBS}\njobs:\n- !Job {{ident: t, command: 'true'}}\n",
    # Without pipefail, because `yes` ends by SIGPIPE.
    f"{LINES:,} lines": f"!Job\nident: lines\nshell: 'set +o pipefail; yes {'x' * 69} | head -{LINES}'\n",
}


def main() -> None:
    pythons = {"this": sys.executable}
    arguments = sys.argv[1:]
    if arguments and not arguments[0].isdecimal():
        pythons["other"] = arguments.pop(0)
    rounds = int(arguments[0]) if arguments else ROUNDS
    for name, text in SPECS.items():
        taken: dict[str, list[float]] = {who: [] for who in pythons}
        has_hyperqueue = name.endswith("true") and importlib.util.find_spec("hyperqueue") is not None
        if has_hyperqueue:
            taken["HyperQueue"] = []
        for _ in range(rounds):
            for who, python in pythons.items():
                taken[who].append(run_gator(python, text))
            if has_hyperqueue:
                taken["HyperQueue"].append(run_hyperqueue())
        show(name, taken)


def run_gator(python: str, text: str) -> float:
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
        (Path(folder) / "spec.yaml").write_text(text)
        return seconds([python, "-P", "-m", "gator", "run", "--quiet", "spec.yaml"], folder)


def run_hyperqueue() -> float:
    script = Path(__file__).with_name("hyperqueue_run.py")
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
        return seconds([sys.executable, str(script), str(JOBS)], folder)


def seconds(command: list[str], folder: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} exited with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return time.perf_counter() - began


def show(name: str, taken: dict[str, list[float]]) -> None:
    """Prints the median of each, and the median of the ratios within the rounds to the first."""
    print(f"== {name}")
    first = taken["this"]
    for who, values in taken.items():
        ratios = [value / ours for value, ours in zip(values, first, strict=True)]
        print(f"{who:12} median {statistics.median(values):.3f} s, {statistics.median(ratios):.2f} of this")


if __name__ == "__main__":
    main()
