"""Where hardly any process or thread may be started: a clear error or a whole run, never a hang."""

import os
import signal
from pathlib import Path

import pytest

from gator.v1 import common_pb2
from tests.acceptance.support import Gator, Running, until

PASSED = common_pb2.OUTCOME_PASSED
ONE = "!Job {ident: top, command: sleep, args: ['0.5']}\n"
TREE = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: sleep, args: ['0.5']}]}\n"
MAX_LISTED_FAILURES = """\
import _thread, os, sys

start = _thread.start_new_thread

def start_new_thread(*args):
    if len(os.listdir("/proc/self/task")) > LIMIT:
        raise RuntimeError("can't start new thread")
    return start(*args)

if "gator" in sys.orig_argv:
    _thread.start_new_thread = start_new_thread
"""
ENDLESS = """\
import asyncio, pathlib, sys

async def stop(self, grace=0.0):
    pathlib.Path("stopping").touch()
    await asyncio.get_running_loop().create_future()

if "gator" in sys.orig_argv:
    from gator.rpc.server import Server
    from gator.daemon import serving
    Server.stop = stop
    serving.ServerTask.__init__.__kwdefaults__["stop_seconds"] = 1e6
"""


def _start(gator: Gator, spec: str, customize: str) -> Running:
    """A run in which every Python carries out some code at its start."""
    place = gator.root / "customize"
    place.mkdir()
    (place / "sitecustomize.py").write_text(customize)
    path = f"{place}{os.pathsep}{gator.env['PYTHONPATH']}"
    return gator.start("run", gator.spec(spec), env={"PYTHONPATH": path})


@pytest.mark.parametrize(("spec", "limit"), [(ONE, 3), (TREE, 20)])
def test_too_few_are_told_before_anything_starts(gator: Gator, spec: str, limit: int) -> None:
    done = _start(gator, spec, MAX_LISTED_FAILURES.replace("LIMIT", str(limit))).wait().expect(2)
    assert f"only {limit} more processes and threads may be started" in done.err
    assert "ulimit -u" in done.err
    assert not (gator.root / "tracking").exists()


def test_a_single_job_runs_where_there_are_none_for_a_server(gator: Gator) -> None:
    done = _start(gator, ONE, MAX_LISTED_FAILURES.replace("LIMIT", "10")).wait().expect(0)
    assert "no command can reach this run" in done.out + done.err
    assert gator.nodes()["top"].outcome == PASSED


@pytest.mark.parametrize("spec", [ONE, TREE])
def test_ctrl_c_ends_the_wait_for_a_server_that_never_ends(gator: Gator, spec: str) -> None:
    run = _start(gator, spec, ENDLESS)
    until((gator.root / Path("stopping")).exists, "the server is told to end")
    run.signal(signal.SIGINT)
    run.wait().expect(130)
    assert gator.nodes()["top"].outcome == PASSED
