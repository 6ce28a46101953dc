"""Measures the plan of a matrix: `python -m tests.benchmarks.matrix_bench [COMBINATIONS]`.

Prints the processor time and the peak memory of the plan of an array with this number of combinations, once
as lists of values with an exclusion, and once as rows, which the spec lists one by one.
"""

import resource
import subprocess
import sys
import time

from gator.plan import make_plan
from gator.spec import load
from gator.v1 import plan_pb2

COMBINATIONS = 100_000
JOBS = 1000
"""Number of jobs whose values are filled in."""
_JOB = 'jobs: [!Job {ident: run, command: echo, args: ["${{ matrix.test }}", "${{ matrix.n }}"]}]'


def lists(count: int) -> str:
    """Returns a spec whose matrix has lists of values."""
    tests = ", ".join(f"test_{number}" for number in range(count // 100))
    n = ", ".join(map(str, range(100)))
    matrix = f"matrix: {{test: [{tests}], n: [{n}]}}\nexclude: [{{test: test_0, n: 0}}]"
    return f"!JobArray\nident: sims\nrepeats: 2\n{matrix}\n{_JOB}\n"


def rows(count: int) -> str:
    """Returns a spec whose matrix has rows."""
    listed = "\n".join(f"- {{test: test_{number}, n: {number % 10}}}" for number in range(count))
    return f"!JobArray\nident: sims\nrepeats: ${{{{ matrix.n }}}}\nmatrix:\n{listed}\n{_JOB}\n"


def measure(name: str, count: int) -> None:
    """Prints what one plan takes in this process."""
    text = {"lists": lists, "rows": rows}[name](count)
    start = time.process_time()
    spec = load(text, file="spec.yaml").spec
    loaded = time.process_time()
    plan = make_plan(plan_pb2.PlanRequest(spec=spec, seed=1))
    node = plan.nodes["sims/run"]
    planned = time.process_time()
    paths = (node.path_below("sims", index) for index in node.indices[-JOBS:])
    filled = [plan.resolve(node, path).args[0] for path in paths]
    resolved = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{name}: {plan.root.jobs:,} jobs, load {loaded - start:.2f} s, plan {planned - loaded:.2f} s, "
        f"{len(filled):,} jobs {resolved - planned:.2f} s, peak memory {peak:.0f} MB"
    )


def main() -> None:
    """Measures each form in a process of its own."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COMBINATIONS
    if len(sys.argv) > 2:
        measure(sys.argv[2], count)
        return
    for name in ("lists", "rows"):
        subprocess.run([sys.executable, "-m", __spec__.name, str(count), name], check=True)


if __name__ == "__main__":
    main()
