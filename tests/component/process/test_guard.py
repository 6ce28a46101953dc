"""When an owner dies by any cause, its guard sweeps; when it ends well, the guard goes quietly."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from gator.process.guard import Guard
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import may_have_leftovers
from gator.process.sweep import sweep
from gator.process.terminate import Terminator
from tests.component.process.support import Host, alive, marked, until

_OWNER = """
import os, signal, sys, time
from gator.process.guard import Guard
from gator.process.host import become_subreaper
from gator.process.spawn import SpawnRequest, spawn
run, daemon, script = sys.argv[1:]
become_subreaper()
guard = Guard(run, daemon)
env = {"PATH": os.environ["PATH"], "GATOR_RUN": run, "GATOR_DAEMON": daemon}
job = spawn(SpawnRequest(["bash", "-c", script], env, "/"))
print(guard.pid, os.read(job.stdout_fd, 100).decode(), flush=True)
signal.pause()
"""

_JOB = (
    "trap '' TERM HUP; setsid sleep 60 & (setsid nohup sleep 61 > /dev/null 2>&1 &); sleep 62 & echo up; wait"
)


def start_owner(host: Host, daemon: str, script: str = _JOB) -> tuple["subprocess.Popen[str]", int]:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, host.run, daemon, script],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert owner.stdout is not None
    line = owner.stdout.readline().split()
    assert line[1] == "up"
    return owner, int(line[0])


async def test_after_kill_of_the_owner_its_guard_sweeps_and_ends(host: Host) -> None:
    owner, guard = start_owner(host, "d1")
    assert len(marked(host.run)) >= 4
    owner.kill()
    await until(lambda: not marked(host.run), "the sweep")
    await until(lambda: not alive(guard), "the guard's end")
    owner.wait()
    assert owner.stdout is not None
    owner.stdout.close()


async def test_a_guard_sweeps_what_its_own_daemon_started_and_no_more(host: Host) -> None:
    first, _ = start_owner(host, "d1", "sleep 60 & echo up; wait")
    second, _ = start_owner(host, "d2", "sleep 60 & echo up; wait")
    first.kill()
    await until(lambda: len(marked(host.run)) == 2, "the sweep of one daemon")
    second.kill()
    await until(lambda: not marked(host.run), "the sweep of the other")
    for owner in (first, second):
        owner.wait()
        assert owner.stdout is not None
        owner.stdout.close()


async def test_a_guard_that_is_closed_goes_without_a_sweep(host: Host) -> None:
    guard = Guard(host.run)
    exits: list[int] = []
    host.reaper.watch(guard.pid, lambda status, _usage: exits.append(status))
    job = host.shell("sleep 60")
    guard.close()
    guard.close()
    await until(lambda: exits == [0], "the guard's end")
    assert alive(job.pid)
    os.kill(job.pid, signal.SIGKILL)
    assert await job.ended() == -9


async def test_a_guard_holds_nothing_and_bears_no_marks(host: Host) -> None:
    guard = Guard(host.run, environment={**os.environ, **host.marks})
    exits: list[int] = []
    host.reaper.watch(guard.pid, lambda status, _usage: exits.append(status))
    status = Path(f"/proc/{guard.pid}/status")

    def ignored() -> int:
        return int(status.read_text().partition("SigIgn:")[2].split()[0], 16)

    await until(lambda: ignored() & 1 << (signal.SIGTERM - 1), "the traps")
    held = {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{guard.pid}/fd").iterdir()}
    assert (held.pop("1"), held.pop("2")) == ("/dev/null", "/dev/null")
    assert held.pop("0").startswith("pipe:")
    assert not held
    assert guard.pid not in marked(host.run)
    assert os.getsid(guard.pid) == guard.pid
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guard.pid, number)
    assert alive(guard.pid)
    guard.close()
    await until(lambda: exits == [0], "the guard's end")


async def test_a_guard_is_never_taken_for_an_orphan_of_a_job(host: Host) -> None:
    guard = Guard(host.run)
    job = host.shell("true")
    assert await job.ended() == 0
    ownership = Ownership(job.pid, host.marks, leader_reaped=True)
    assert not may_have_leftovers(ownership, host.reaper.watched)
    endings = Terminator(host.reaper.watched)
    endings.strays.add(ownership)
    assert await endings.find(ownership) == []
    endings.close()
    guard.close()
    await until(lambda: guard.pid in host.strangers, "the guard's end")


async def test_a_sweep_by_hand_kills_everything_of_a_run(host: Host) -> None:
    jobs = [host.shell("trap '' TERM; setsid sleep 60 & sleep 61 & echo; wait") for _ in range(3)]
    for job in jobs:
        await until(lambda job=job: job.out, "the start")
    left = await asyncio.get_running_loop().run_in_executor(None, sweep, host.run)
    assert left == []
    assert marked(host.run) == []
    for job in jobs:
        assert await job.ended() == -9


def test_a_sweep_of_a_run_that_is_gone_finds_nothing() -> None:
    assert sweep("no-such-run") == []
    done = subprocess.run([sys.executable, "-m", "gator.process.sweep", "no-such-run", "d"], check=False)
    assert done.returncode == 0
