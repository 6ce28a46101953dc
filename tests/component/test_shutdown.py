"""Processes of Gator end without finalising their interpreter, but with their output and their code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(text: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    program = f"import sys\nfrom gator.runtime import shutdown\n{text}"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_was_printed_is_there_and_the_code_is_right() -> None:
    done = run("print('out'); print('err', file=sys.stderr); shutdown.leave(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        ("lambda: 4", 4, ""),
        ("sys.exit", 0, ""),
        ("lambda: sys.exit(3)", 3, ""),
        ("lambda: sys.exit('why')", 1, "why\n"),
        ("lambda: 1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_whatever_main_does_decides_the_code(main: str, code: int, said: str) -> None:
    done = run(f"shutdown.run({main})")
    assert done.returncode == code
    assert done.stderr.endswith(said)


def test_a_destructor_that_waits_for_a_frozen_thread_holds_nobody_up() -> None:
    # What gRPC's calls do: a daemon thread holds the lock that their destructor takes.
    done = run("""
import threading
lock = threading.Lock()
held = threading.Event()
def hold():
    with lock:
        held.set()
        while True: pass
class Call:
    def __del__(self): lock.acquire()
call = Call()
threading.Thread(target=hold, daemon=True).start()
held.wait()
shutdown.leave(0)
""")
    assert done.returncode == 0


def test_output_that_cannot_be_written_is_said_and_is_a_failure() -> None:
    with Path("/dev/full").open("w") as full:
        done = run("print('out'); shutdown.leave(0)", full.fileno())
    assert done.returncode == 120
    assert done.stderr == "gator: cannot write the output: no space left on device\n"


def test_every_process_of_gator_ends_that_way() -> None:
    for file in (
        "gator/cli/main.py",
        "gator/daemon/__main__.py",
        "gator/upload/__main__.py",
        "hub/gator_hub/main.py",
    ):
        assert "shutdown." in (ROOT / file).read_text(), file
