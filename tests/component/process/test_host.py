"""What a process asks of its host where the address space is limited."""

import subprocess
import sys

LIMITED = """\
import re, resource, sys, threading
from pathlib import Path
from gator.process.host import lacks_threads, save_address_space


def mapped() -> int:
    return int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) << 10


def limit(more: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + more, resource.RLIM_INFINITY))


threading.stack_size(256 * 1024)
"""


def positive_duration(script: str) -> str:
    """Returns the output of a script in a process of its own, which may limit itself."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_threads_reserve_no_arenas_where_the_address_space_is_limited() -> None:
    script = """\
limit(1 << 30)
save_address_space()
before, met = mapped(), threading.Barrier(7)
def allocate():
    kept = [bytearray(1000 + size) for size in range(1000)]
    met.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads: thread.start()
while met.n_waiting < 6: pass
print(mapped() - before)
met.wait()
for thread in threads: thread.join()
"""
    # Each arena reserves 64 MiB.
    assert int(positive_duration(script)) < 64 << 20


def test_threads_that_leave_no_memory_for_anything_else_are_refused() -> None:
    said = positive_duration("limit(8 << 20)\nprint(lacks_threads(4))\n")
    assert said == "its threads leave it no memory: allow some hundred MiB more with ulimit -v"
    assert positive_duration("limit(1 << 30)\nprint(lacks_threads(4))\n") == "None"


def test_the_address_space_is_named_where_too_few_threads_can_be_started() -> None:
    said = positive_duration("limit(1 << 20)\nprint(lacks_threads(40))\n")
    assert said.endswith("allow some hundreds with ulimit -u, or more memory with ulimit -v")
