"""Measures how fast output is read and searched for messages, in lines per second of processor time.

    python tests/benchmarks/parser_bench.py

Compares plain lines, a UVM log with 99 % UVM_INFO, and the output of a compiler with 20 % errors.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.output import Output
from gator.core.attempt.severity import Messages
from gator.v1 import attach_pb2, common_pb2, spec_pb2

LINES = 400_000
CHUNK = 65_536
"""Bytes of one read from a pipe."""

COMPILER = (
    b"src/fifo.c:%d:5: error: 'count' undeclared (first use in this function)\n"
    b"  %d |   return count + 1;\n"
    b"      |          ^~~~~\n"
    b"cc -O2 -Wall -Iinclude -c -o build/part%d.o src/part.c\n"
    b"ar rcs build/libpart%d.a build/part.o\n"
)


def data_sets() -> dict[str, bytes]:
    """Returns output by its name."""
    info = b"UVM_INFO tb/drv.sv(%d) @ %d: uvm_test_top.env.agent[5].drv [DRV] item %d was sent\n"
    error = b"UVM_ERROR tb/sb.sv(%d) @ %d: uvm_test_top.env.sb [SB] mismatch of item %d\n"
    return {
        "plain": (b"x" * 69 + b"\n") * LINES,
        "99 % UVM_INFO": b"".join(
            (error if number % 100 == 0 else info) % (number % 99, number, number) for number in range(LINES)
        ),
        "20 % errors": b"".join(COMPILER % (number, number, number, number) for number in range(LINES // 5)),
    }


def measure(data: bytes) -> float:
    """Returns the lines per second of processor time of one attempt with this output."""
    launch = attach_pb2.LaunchNode(path="top", attempt=1, job=spec_pb2.Job(command="x"))
    output = Output(launch, 0, Messages(), AttemptMetrics())
    began = time.process_time()
    for number, start in enumerate(range(0, len(data), CHUNK)):
        output.feed(common_pb2.STREAM_STDOUT, data[start : start + CHUNK], number, number)
    output.finish()
    return data.count(b"\n") / (time.process_time() - began)


def main() -> None:
    """Prints the best of three rounds for each kind of output."""
    for name, data in data_sets().items():
        best = max(measure(data) for _ in range(3))
        print(f"{name:15} {best:12,.0f} lines/s")


if __name__ == "__main__":
    main()
