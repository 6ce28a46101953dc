"""Orphans without any sign of a job are ended by the job that left them, or by the last that may have."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gator.process.ownership.birthmark import Birthmarks, birthmarks, each_birthmark
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.guards import is_guard
from gator.process.ownership.strays import Strays
from gator.process.procfs import ProcessInfo, read_birthmark, read_process, ticks_now
from gator.process.sweep import sweep
from gator.process.terminate import Terminator
from tests.component.process.support import Host, Job, alive, leftovers, until

LOSE_ALL_SIGNS = "env -i setsid sh -c 'sleep 60 < /dev/null > /dev/null 2>&1 & echo $!'"
"""The grandchild has neither the job's marks nor its session, and its parents end at once."""


@pytest.fixture
async def endings(host: Host) -> AsyncIterator[Terminator]:
    endings = Terminator(host.reaper.watched)
    yield endings
    endings.close()


def start(
    host: Host, endings: Terminator, script: str, name: str, birthmark: Birthmarks | None = None
) -> Job:
    """Start a job whose attempt is known; its Belonging is set as `ownership`."""
    since = ticks_now()
    job = host.start("/bin/bash", "-c", script, birthmark=birthmark.number if birthmark else 0)
    ownership = Ownership(job.pid, host.marks, since=since, name=name)
    if birthmark is not None:
        ownership.birthmarks = birthmark
    job.ownership = ownership
    endings.strays.add(ownership)
    return job


async def ended(job: Job) -> Ownership:
    assert await job.ended() == 0
    assert job.ownership is not None
    job.ownership.leader_reaped = True
    return job.ownership


async def adopted(job: Job) -> int:
    """The pid that a job has printed, once it is an orphan in a session of its own."""
    pid = int(job.out)
    await until(lambda: (now := read_process(pid)) and now.parent == os.getpid(), "the adoption")
    return pid


def pids(found: list[ProcessInfo]) -> list[int]:
    return [process.pid for process in found]


async def test_a_birthmark_tells_the_job_while_others_run(host: Host, endings: Terminator) -> None:
    unused = each_birthmark(host.run, "d1")
    beside = start(host, endings, "exec sleep 60", "top/beside", next(unused))
    job = start(host, endings, LOSE_ALL_SIGNS, "top/job", next(unused))
    ownership = await ended(job)
    pid = await adopted(job)
    assert read_birthmark(pid) == ownership.birthmarks.number
    assert pids(await leftovers(endings, ownership)) == [pid]
    assert beside.ownership is not None
    assert pid not in pids(await endings.find(beside.ownership))
    await endings.end(ownership, 5.0)
    assert not alive(pid)
    os.kill(beside.pid, 9)
    await beside.reaped()


async def test_a_sweep_finds_processes_by_their_birthmark_alone(host: Host, endings: Terminator) -> None:
    first, second = each_birthmark(host.run, "d1"), each_birthmark(host.run, "d2")
    jobs = [start(host, endings, LOSE_ALL_SIGNS, "top/job", next(marks)) for marks in (first, second)]
    for job in jobs:
        await ended(job)
    left = [await adopted(job) for job in jobs]
    assert sweep(host.run, "d1") == []
    assert [alive(pid) for pid in left] == [False, True]
    assert sweep(host.run) == []
    assert not alive(left[1])


async def test_a_process_of_gator_itself_is_born_without_a_mark(host: Host) -> None:
    job = host.start("sleep", "60", birthmark=birthmarks(host.run, "d1").number)
    plain = host.start("sleep", "60")
    assert read_birthmark(job.pid) == birthmarks(host.run, "d1").number
    assert read_birthmark(plain.pid) == read_birthmark(os.getpid()) == 0
    for one in (job, plain):
        os.kill(one.pid, 9)
        await one.reaped()


async def test_without_birthmarks_the_last_that_may_have_left_an_orphan_takes_it(
    host: Host, endings: Terminator
) -> None:
    beside = start(host, endings, "sleep 0.2", "top/beside")
    job = start(host, endings, LOSE_ALL_SIGNS, "top/job")
    ownership = await ended(job)
    pid = await adopted(job)
    orphan = read_process(pid)
    await until(lambda: orphan and ticks_now() > orphan.start_ticks, "a tick")
    later = start(host, endings, "true", "top/later")
    # `beside` still runs, and it may be its.
    assert await leftovers(endings, ownership) == []
    endings.strays.remove(ownership)
    # `later` started after the orphan.
    assert await leftovers(endings, await ended(later)) == [], "it is older than that attempt"
    last = await ended(beside)
    found = await leftovers(endings, last)
    assert pids(found) == [pid]
    assert endings.strays.describe(found[0], last) == f"sleep (pid {pid}, of this job or of top/job)"
    await endings.end(last, 5.0)
    assert not alive(pid)


async def test_of_jobs_that_end_together_one_takes_the_orphan_and_the_others_wait(
    host: Host, endings: Terminator
) -> None:
    jobs = [start(host, endings, "sleep 0.1", f"top/beside{number}") for number in range(3)]
    job = start(host, endings, LOSE_ALL_SIGNS, "top/job")
    all_orphans = [await ended(one) for one in (*jobs, job)]
    pid = await adopted(job)
    taken = [pids(await leftovers(endings, ownership)) for ownership in all_orphans]
    assert sorted(taken) == [[], [], [], [pid]]
    one = all_orphans[taken.index([pid])]
    others = [ownership for ownership in all_orphans if ownership is not one]
    assert all(endings.strays.awaits(ownership) for ownership in others)
    assert not endings.strays.awaits(one)
    await endings.end(one, 5.0)
    assert not any(endings.strays.awaits(ownership) for ownership in others)


async def test_when_the_job_that_took_an_orphan_gives_up_another_takes_it(
    host: Host, endings: Terminator
) -> None:
    beside = start(host, endings, "sleep 0.1", "top/beside")
    job = start(host, endings, LOSE_ALL_SIGNS, "top/job")
    first, second = await ended(job), await ended(beside)
    pid = await adopted(job)
    assert pids(await leftovers(endings, first)) == [pid]
    assert await leftovers(endings, second) == []
    endings.strays.remove(first)
    assert pids(await leftovers(endings, second)) == [pid]
    await endings.end(second, 0.0)


async def test_what_an_orphan_starts_is_of_the_same_jobs(host: Host, endings: Terminator) -> None:
    beside = start(host, endings, "exec sleep 60", "top/beside")
    go = host.folder / "go"
    orphan = host.folder / "orphan"
    orphan.write_text("until [ -e go ]; do sleep 0.01; done; setsid sh -c 'sleep 60 & echo $! > pid'\n")
    job = start(host, endings, "env -i setsid sh -c 'sh orphan > /dev/null 2>&1 & echo $!'", "top/job")
    ownership = await ended(job)
    await adopted(job)
    assert await leftovers(endings, ownership) == []
    endings.strays.remove(ownership)
    go.touch()
    written = host.folder / "pid"
    await until(lambda: written.exists() and written.read_text().endswith("\n"), "the orphan's child")
    assert beside.ownership is not None
    os.kill(beside.pid, 9)
    await beside.reaped()
    beside.ownership.leader_reaped = True
    found = await leftovers(endings, beside.ownership)
    assert int(written.read_text()) in pids(found)
    assert all(
        "top/job" in endings.strays.describe(one, beside.ownership) for one in found if one.name == "sleep"
    )
    await endings.end(beside.ownership, 0.0)


async def test_an_owner_ends_all_that_it_adopted_before_it_leaves(host: Host, endings: Terminator) -> None:
    job = start(
        host, endings, f"trap '' TERM; {LOSE_ALL_SIGNS}", "top/job", next(each_birthmark("other", ""))
    )
    ownership = await ended(job)
    pid = await adopted(job)
    endings.strays.remove(ownership)
    done = await endings.end_adopted(0.05)
    assert pids(list(done.processes)) == [pid]
    assert done.unkillable == ()
    assert not alive(pid)
    assert (await endings.end_adopted(0.05)).processes == ()


async def test_a_guard_of_another_owner_is_left_alone(host: Host, endings: Terminator) -> None:
    code = "import sys, time; from gator.process.guard import Guard; Guard(sys.argv[1]); time.sleep(60)"
    owner = host.start(sys.executable, "-c", code, host.run, env={"PYTHONPATH": str(Path.cwd())})
    children = Path(f"/proc/{owner.pid}/task/{owner.pid}/children")
    await until(lambda: children.read_text(), "the guard")
    guard = int(children.read_text())
    await until(lambda: is_guard(guard), "its shell")
    os.kill(guard, 19)
    os.kill(owner.pid, 9)
    await owner.reaped()
    await until(lambda: (now := read_process(guard)) and now.parent == os.getpid(), "the adoption")
    assert (await endings.end_adopted(0.0)).processes == ()
    assert alive(guard)
    os.kill(guard, 18)
    await until(lambda: not alive(guard), "the end of the guard")


async def test_children_from_before_the_start_of_gator_are_not_its_to_end(host: Host) -> None:
    # A shell that has children and then becomes gator by exec keeps them.
    before = host.start("sleep", "60", env={"GATOR_RUN": "of another"})
    endings = Terminator()
    strays = Strays(os.getpid())
    now = read_process(before.pid)
    assert now is not None
    assert not strays.is_assigned_to(now, Ownership(0, {}, claims_all=True))
    assert (await endings.end_adopted(0.0)).processes == ()
    assert alive(before.pid)
    endings.close()
    os.kill(before.pid, 9)
    await before.reaped()
