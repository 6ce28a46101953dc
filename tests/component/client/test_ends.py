"""A program that uses the client ends as it wants to, whatever its threads and its parent do meanwhile."""

from pathlib import Path

import pytest

from tests.benchmarks.client_exit_programs import PROGRAMS
from tests.benchmarks.client_exit_stress import run
from tests.component.client.programs import run_program
from tests.component.client.test_client import notices
from tests.component.link.fakes import Parent, serving


async def test_programs_end_in_every_way_with_every_kind_of_parent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Each five times: with a parent that answers, three times, is gone, or is silent.
    assert await run(5 * len(PROGRAMS), at_once=3, limit=60) == 0, capsys.readouterr().out


async def test_the_exit_does_not_wait_for_a_thread_that_goes_on_talking(folder: Path) -> None:
    program = """
import threading, time
from gator import client
def talk():
    while True:
        client.info("on and on")
        time.sleep(0.001)
threading.Thread(target=talk, daemon=True).start()
client.info("last")
"""
    parent = Parent()
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert "last" in parent.kept


async def test_functions_of_atexit_and_of_no_thread_are_heard(folder: Path) -> None:
    program = """
import atexit
from gator import client
atexit.register(client.info, "bye")
client.info("a")
atexit.register(client.info, "soon")
"""
    parent = Parent()
    async with serving(parent, folder):
        done = await run_program(folder, program)
        assert (done.returncode, done.stderr) == (0, "")
        assert parent.kept == ["a", "soon", "bye"]
        done = await run_program(
            folder, "import atexit; from gator import client; atexit.register(client.info, 'x')"
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert parent.kept[3:] == ["x"]


async def test_a_program_whose_stderr_is_closed_ends_well(folder: Path) -> None:
    program = """
import os
from gator import client
client.client.EXIT_SECONDS = 0.1
os.close(2)
client.info("lost")
"""
    done = await run_program(folder, program)
    assert done.returncode == 0


async def test_a_program_says_what_was_not_recorded_of_it(folder: Path) -> None:
    done = await run_program(
        folder,
        "from gator import client; client.client.EXIT_SECONDS = 0.1; client.info('a'); client.info('b')",
    )
    assert done.returncode == 0
    assert notices(done.stderr) == ["2 messages of this job were not recorded: its parent did not answer"]
