"""Nothing of a job outlives it, however it tries to get away."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import may_have_leftovers, name_all
from gator.process.procfs import ProcessInfo, read_process, signal_exactly
from gator.process.terminate import Terminator
from tests.component.process.support import Host, Job, alive, leftovers, marked, program, until


@pytest.fixture
async def endings(host: Host) -> AsyncIterator[Terminator]:
    endings = Terminator(host.reaper.watched)
    yield endings
    endings.close()


def belonging(host: Host, job: Job) -> Ownership:
    return Ownership(job.pid, host.marks, leader_reaped=job.exit_code is not None)


ESCAPES = {
    "a child in the background": "sleep 60 & echo $!",
    "a daemon by a double fork": "(setsid sleep 60 < /dev/null > /dev/null 2>&1 & echo $!)",
    "a session of its own": "setsid sleep 60 & echo $!",
    "timeout's own group": "timeout 60 sleep 61 & echo $!",
    "job control": "set -m; sleep 60 & echo $!",
    "an empty environment in the same session": "env -i sleep 60 & echo $!",
    "an empty environment below a marked parent": "setsid sh -c 'env -i sleep 60; true' & echo $!",
    "no hang-up and no streams": "nohup sleep 60 > /dev/null 2>&1 < /dev/null & echo $!",
}
STARTERS = ("bash", "setsid", "env", "nohup")
"""Programs that execute another one in the same process."""


@pytest.mark.parametrize("script", ESCAPES.values(), ids=ESCAPES.keys())
async def test_what_a_job_leaves_behind_is_ended(host: Host, endings: Terminator, script: str) -> None:
    job = host.shell(script)
    assert await job.reaped() == 0
    job.pipes[0].drain_now()
    pid = int(job.out)
    # While a process executes another program, its environment cannot be read.
    await until(lambda: program(pid) not in ("", *STARTERS), "the escape")
    ownership = belonging(host, job)
    assert may_have_leftovers(ownership, host.reaper.watched)
    assert pid in [process.pid for process in await leftovers(endings, ownership)]
    ended = await endings.end(ownership, grace_s=5.0)
    assert ended.unkillable == ()
    assert pid in [process.pid for process in ended.processes]
    assert not alive(pid)
    assert marked(host.run) == []
    await job.ended()


async def test_an_orphan_without_any_sign_is_ended_when_no_other_job_runs(
    host: Host, endings: Terminator
) -> None:
    job = host.shell("(env -i setsid sleep 60 > /dev/null 2>&1 & echo $!)")
    assert await job.ended() == 0
    pid = int(job.out)
    await until(
        lambda: (now := read_process(pid)) and now.session == pid and now.parent == os.getpid(), "escape"
    )
    ownership = belonging(host, job)
    endings.strays.add(ownership)
    assert [process.pid for process in await leftovers(endings, ownership)] == [pid]
    await endings.end(ownership, grace_s=5.0)
    assert not alive(pid)


async def test_a_job_that_leaves_nothing_costs_no_pass(host: Host, endings: Terminator) -> None:
    job = host.shell("true")
    other = host.shell("sleep 60")
    assert await job.ended() == 0
    assert not may_have_leftovers(belonging(host, job), host.reaper.watched)
    assert await leftovers(endings, belonging(host, job)) == []
    await endings.signal_job(belonging(host, other), signal.SIGKILL)
    assert await other.ended() == -9


async def test_a_daemon_of_another_attempt_does_not_make_this_one_look(
    host: Host, endings: Terminator
) -> None:
    other = host.start("bash", "-c", "(setsid sleep 60 > /dev/null 2>&1 &)", env={"GATOR_ATTEMPT": "2"})
    assert await other.ended() == 0
    job = host.shell("true")
    assert await job.ended() == 0
    ownership = Ownership(other.pid, {**host.marks, "GATOR_ATTEMPT": "2"}, leader_reaped=True)
    assert not may_have_leftovers(belonging(host, job), host.reaper.watched)
    assert may_have_leftovers(ownership, host.reaper.watched)
    assert len((await endings.end(ownership, 5.0)).processes) == 1


async def test_the_jobs_beside_it_are_left_alone(host: Host, endings: Terminator) -> None:
    beside = host.start("bash", "-c", "setsid sleep 60 & wait", env={"GATOR_PATH": "top/other"})
    job = host.shell("setsid sleep 60 & echo; wait")
    await until(lambda: job.out, "the start")
    await endings.signal_job(belonging(host, job), signal.SIGTERM)
    assert await job.reaped() == -15
    await endings.end(belonging(host, job), 5.0)
    await job.ended()
    assert beside.exit_code is None
    await endings.signal_job(Ownership(beside.pid, {**host.marks, "GATOR_PATH": "top/other"}), signal.SIGKILL)
    assert await beside.ended() == -9


async def test_one_that_ignores_term_is_killed_after_the_grace(host: Host, endings: Terminator) -> None:
    job = host.shell("bash -c 'trap \"\" TERM; echo ready; while :; do sleep 0.05; done' & disown; exit 0")
    assert await job.reaped() == 0
    await until(lambda: job.out, "the trap")
    begun = time.monotonic()
    ended = await endings.end(belonging(host, job), grace_s=0.3)
    assert time.monotonic() - begun >= 0.3
    assert "bash" in name_all(ended.processes)
    assert ended.unkillable == ()
    await job.ended()


async def test_one_that_stands_still_hears_term_all_the_same(host: Host, endings: Terminator) -> None:
    job = host.shell("trap 'echo bye; exit 7' TERM; echo ready; kill -STOP $$; while :; do sleep 0.01; done")
    await until(lambda: (now := read_process(job.pid)) and now.state == "T", "the stop")
    await endings.signal_job(belonging(host, job), signal.SIGTERM)
    assert await job.ended() == 7
    assert job.out == b"ready\nbye\n"


_FORKER = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.monotonic() + 15
os.setsid() if os.fork() == 0 else os._exit(0)
# A chain: each link lives for a moment only, and is in no list for long.
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    time.sleep(0.001)
"""


async def test_one_that_forks_faster_than_a_pass_is_caught(host: Host, endings: Terminator) -> None:
    job = host.start(sys.executable, "-c", _FORKER)
    assert await job.reaped() == 0
    begun = time.monotonic()
    ended = await endings.end(belonging(host, job), grace_s=0.05)
    assert ended.unkillable == ()
    assert marked(host.run) == []
    await job.ended()
    assert time.monotonic() - begun < 8, "it ended by itself"


async def test_many_requests_share_passes_and_do_not_block_the_loop(host: Host, endings: Terminator) -> None:
    jobs = [host.shell("sleep 60 & wait") for _ in range(30)]
    longest = 0.0
    last = time.monotonic()
    stop = False

    async def beat() -> None:
        nonlocal last, longest
        while not stop:
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    beating = asyncio.create_task(beat())
    found = await asyncio.gather(*(endings.find(Ownership(job.pid, {})) for job in jobs))
    stop = True
    await beating
    assert all(job.pid in [process.pid for process in each] for job, each in zip(jobs, found, strict=True))
    assert longest < 0.5
    await asyncio.gather(*(endings.signal_job(Ownership(job.pid, {}), signal.SIGKILL) for job in jobs))
    for job in jobs:
        assert await job.ended() == -9


async def test_a_reused_pid_is_never_signalled(host: Host) -> None:
    job = host.shell("sleep 60")
    now = read_process(job.pid)
    assert now is not None
    earlier = now._replace(start_ticks=now.start_ticks - 1)
    assert not signal_exactly(earlier, signal.SIGKILL)
    assert alive(job.pid)
    assert signal_exactly(now, signal.SIGKILL)
    assert await job.ended() == -9
    assert not signal_exactly(now, signal.SIGKILL)


async def test_what_cannot_be_killed_is_named(
    host: Host, endings: Terminator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = host.shell("sleep 60 & echo $!")
    assert await job.reaped() == 0
    job.pipes[0].drain_now()

    def ignore(_process: ProcessInfo, _number: int = 0) -> bool:
        return True

    with monkeypatch.context() as patch:
        # No process can be made unkillable on purpose without broken hardware.
        patch.setattr("gator.process.terminate.signal_exactly", ignore)
        patch.setattr("gator.process.terminate.kill_group_of", ignore)
        ended = await endings.end(belonging(host, job), grace_s=0.0, limit_s=0.1)
    assert name_all(ended.unkillable) == f"sleep (pid {int(job.out)})"
    await endings.end(belonging(host, job), grace_s=0.0)
    await job.ended()


_WITHOUT_DESCRIPTORS = """
import asyncio, os, resource
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import may_have_leftovers
from gator.process.terminate import Terminator
ownership = Ownership(os.getpid(), {})
async def main():
    terminator = Terminator()
    count = len(os.listdir("/proc/self/fd")) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, 4096))
    print(may_have_leftovers(ownership, ()))
    finding = asyncio.ensure_future(terminator.find(Ownership(0, {"GATOR_PATH": "top/beside"})))
    await asyncio.sleep(0.05)
    print(finding.done())
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    print(len(await finding))
    terminator.close()
asyncio.run(main())
"""


async def test_without_descriptors_nothing_is_taken_for_gone(host: Host) -> None:
    beside = host.start("sleep", "60", env={"GATOR_PATH": "top/beside"})
    job = host.start(sys.executable, "-c", _WITHOUT_DESCRIPTORS, env={"PYTHONPATH": str(Path.cwd())})
    await job.ended()
    assert job.out.split() == [b"True", b"False", b"1"], job.err.decode()
    os.kill(beside.pid, signal.SIGKILL)
    await beside.ended()
