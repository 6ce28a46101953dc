"""Messages of forked processes are kept, however they were forked and however they end."""

import sys
from pathlib import Path

import pytest

from tests.component.client.programs import run_program
from tests.component.client.test_client import notices
from tests.component.link.fakes import Parent, serving

SPEAKS_FIRST = 'client.info("parent"); client.flush()\n'


@pytest.mark.parametrize("first", ["", SPEAKS_FIRST], ids=["silent before", "speaks before"])
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 9)", "os.abort()"])
async def test_a_child_of_fork_is_heard_however_it_ends(folder: Path, first: str, end: str) -> None:
    parent = Parent()
    program = f"""
import os, sys
from gator import client
{first}
for number in range(3):
    if os.fork() == 0:
        client.info(f"child {{number}}")
        {end}
    os.wait()
client.info("after")
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    expected = ["child 0", "child 1", "child 2", "after"]
    assert parent.kept == (["parent"] if first else []) + expected


async def test_what_was_said_before_a_fork_is_kept_though_its_process_is_killed_after(folder: Path) -> None:
    parent = Parent()
    program = """
import os
from gator import client
client.info("a")
if os.fork() == 0:
    os._exit(0)
os.wait()
client.info("b")
if os.fork() == 0:
    os._exit(0)
os.wait()
os.kill(os.getpid(), 9)
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (-9, "")
    assert parent.kept == ["a", "b"]


@pytest.mark.parametrize("first", ["", SPEAKS_FIRST], ids=["silent before", "speaks before"])
@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("imported", ["before", "later"])
async def test_processes_of_multiprocessing_are_heard(
    folder: Path, first: str, way: str, imported: str
) -> None:
    parent = Parent()
    (folder / "program.py").write_text(f"""
{"import multiprocessing" if imported == "before" else ""}
from gator import client

def child(number):
    client.info(f"child {{number}}")

if __name__ == "__main__":
    {first or "pass"}
    import multiprocessing
    context = multiprocessing.get_context("{way}")
    processes = [context.Process(target=child, args=(number,)) for number in range(2)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    # A pool ends its workers by SIGTERM.
    with context.Pool(2) as pool:
        pool.map(child, range(2, 12), chunksize=1)
""")
    async with serving(parent, folder):
        done = await run_program(folder, str(folder / "program.py"))
    assert (done.returncode, done.stderr) == (0, "")
    heard = [text for text in parent.kept if text != "parent"]
    assert sorted(heard) == sorted(f"child {number}" for number in range(12))


async def test_grandchildren_are_heard(folder: Path) -> None:
    parent = Parent()
    program = """
import os
from gator import client
client.info("a")
client.flush()
if os.fork() == 0:
    client.info("b")
    if os.fork() == 0:
        client.info("c")
        os._exit(0)
    os.wait()
    client.info("d")
    os._exit(0)
os.wait()
client.info("e")
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert parent.kept == ["a", "b", "c", "d", "e"]


async def test_a_child_forked_while_threads_speak_neither_hangs_nor_repeats_them(folder: Path) -> None:
    parent = Parent()
    program = """
import os, threading
from gator import client
def talk(name):
    for number in range(100):
        client.info(f"{name} {number}")
threads = [threading.Thread(target=talk, args=(name,)) for name in "xyz"]
[thread.start() for thread in threads]
for number in range(10):
    if os.fork() == 0:
        client.info(f"child {number}")
        os._exit(0)
    os.wait()
[thread.join() for thread in threads]
"""
    async with serving(parent, folder):
        # Python 3.12 warns of the threads of the program itself.
        done = await run_program(folder, program, PYTHONWARNINGS="ignore::DeprecationWarning")
    assert (done.returncode, done.stderr) == (0, "")
    expected = [f"{name} {number}" for name in "xyz" for number in range(100)]
    assert sorted(parent.kept) == sorted(expected + [f"child {number}" for number in range(10)])


async def test_no_thread_of_the_client_is_there_when_its_process_forks(folder: Path) -> None:
    # A fork copies one thread and the locks of all; Python 3.12 warns on stderr where there are others.
    parent = Parent()
    # Hooks are called in the reverse order of their registration: this one after that of the client.
    program = """
import os, threading
counted = []
os.register_at_fork(before=lambda: counted.append(threading.active_count()))
from gator import client
client.info("a")
client.flush()
assert threading.active_count() == 2
if os.fork() == 0:
    os._exit(0)
os.wait()
assert counted == [1], counted
client.info("b")
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert parent.kept == ["a", "b"]


async def test_a_forked_process_holds_nothing_of_its_parents_connection_open(folder: Path) -> None:
    parent = Parent()
    program = """
import os
from gator import client
client.info("a")
client.flush()
before = {link for fd in os.listdir("/proc/self/fd") if (link := os.path.realpath(f"/proc/self/fd/{fd}"))}
if os.fork() == 0:
    after = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    os._exit(any("socket:" in link for link in after))
_, status = os.wait()
assert any("socket:" in link for link in before)
raise SystemExit(status)
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_forked_process_says_what_was_not_recorded_of_it(folder: Path) -> None:
    program = """
import multiprocessing
from gator import client
client.client.MAX_WAIT_SECONDS = 0.2
process = multiprocessing.get_context("fork").Process(target=client.info, args=("lost",))
process.start()
process.join()
"""
    done = await run_program(folder, program)
    assert done.returncode == 0
    assert notices(done.stderr) == ["1 message of this job was not recorded: its parent did not answer"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older Pythons do not look at threads")
async def test_python_has_no_reason_to_warn_of_a_fork(folder: Path) -> None:
    program = (
        "import os; from gator import client; client.info('a')\nif os.fork() == 0: os._exit(0)\nos.wait()"
    )
    async with serving(Parent(), folder):
        done = await run_program(folder, program, PYTHONWARNINGS="error")
    assert (done.returncode, done.stderr) == (0, "")
