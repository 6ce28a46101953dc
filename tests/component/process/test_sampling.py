"""What running jobs use, children and orphans included."""

import os
import resource
import sys

import pytest

from gator.process import sampling
from gator.process.ownership.criteria import Ownership
from gator.process.sampling import Sampler, judge_peak
from tests.component.process.support import Host, Job, marked, until

MIB = 1024 * 1024
_HOLD = "x = bytearray({size}); print('up', flush=True); import time; time.sleep(60)"


def belonging(host: Host, job: Job) -> Ownership:
    return Ownership(job.pid, host.marks)


def no_list(_pid: int) -> None:
    """As a kernel without CONFIG_PROC_CHILDREN answers."""


async def finish(job: Job) -> None:
    os.killpg(job.pid, 9)
    await job.reaped()


@pytest.mark.parametrize("listed", [True, False], ids=["children listed", "by a pass over all"])
async def test_memory_of_a_tree_is_summed(host: Host, monkeypatch: pytest.MonkeyPatch, listed: bool) -> None:
    if not listed:
        monkeypatch.setattr(sampling, "list_children", no_list)
    code = _HOLD.format(size=40 * MIB)
    job = host.shell(f'{sys.executable} -c "{code}" & {sys.executable} -c "{code}" & wait')
    await until(lambda: job.out.count(b"up") == 2, "both children")
    usage = Sampler().sample([belonging(host, job)])[job.pid]
    assert len(usage.members) == 3
    assert 80 * MIB < usage.memory_bytes < 200 * MIB
    assert usage.peak_memory_bytes >= usage.memory_bytes
    await finish(job)


async def test_the_peak_stays_when_the_memory_is_given_back(host: Host) -> None:
    code = f"x = bytearray({60 * MIB}); del x; print('up', flush=True); import time; time.sleep(60)"
    job = host.start(sys.executable, "-c", code)
    await until(lambda: job.out, "the start")
    usage = Sampler().sample([belonging(host, job)])[job.pid]
    assert usage.memory_bytes < 50 * MIB
    assert usage.peak_memory_bytes > 60 * MIB
    await finish(job)


async def test_an_orphan_in_a_session_of_its_own_is_counted_for_its_job(host: Host) -> None:
    job = host.shell("(setsid sleep 60 > /dev/null 2>&1 &); echo up; sleep 60; true")
    other = host.start("sleep", "60", env={"GATOR_PATH": "top/other"})
    await until(lambda: job.out, "the start")
    jobs = [Ownership(other.pid, {**host.marks, "GATOR_PATH": "top/other"}), belonging(host, job)]
    sampler = Sampler()
    await until(lambda: len(sampler.sample(jobs)[job.pid].members) == 3, "leader, child and orphan")
    assert len(sampler.sample(jobs)[other.pid].members) == 1
    await finish(job)
    await finish(other)
    for pid in marked(host.run):
        os.kill(pid, 9)
    await until(lambda: not marked(host.run), "the orphan's end")


async def test_processor_time_and_storage_grow_and_never_fall(host: Host) -> None:
    script = "dd if=/dev/zero of=big bs=1M count=8 conv=fsync status=none; echo up; while :; do :; done"
    job = host.shell(script)
    await until(lambda: job.out, "the start")
    sampler = Sampler()
    first = sampler.sample([belonging(host, job)])[job.pid]
    later = first

    def busier() -> bool:
        nonlocal later
        later = sampler.sample([belonging(host, job)])[job.pid]
        return later.cpu_seconds >= first.cpu_seconds + 0.1

    await until(busier, "a tenth of a second of work")
    assert later.read_bytes is not None
    assert later.written_bytes is not None
    assert first.written_bytes is not None
    assert later.written_bytes >= first.written_bytes
    await finish(job)


async def test_a_job_that_is_gone_is_left_out(host: Host) -> None:
    job = host.shell("true")
    await job.ended()
    sampler = Sampler()
    assert sampler.sample([belonging(host, job)]) == {}
    sampler.forget(job.pid)


async def test_the_peak_of_the_spawner_is_not_taken_for_that_of_a_job(host: Host) -> None:
    job = host.shell("true")
    await job.ended()
    assert job.usage is not None
    assert judge_peak(None, job.usage) is None
    assert judge_peak(5 * MIB, job.usage) == 5 * MIB


async def test_a_peak_above_that_of_the_spawner_counts_without_samples(host: Host) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    job = host.start(sys.executable, "-c", f"bytearray({own + 30 * MIB})")
    assert await job.ended() == 0
    assert job.usage is not None
    peak = judge_peak(None, job.usage)
    assert peak is not None
    assert peak > own + 30 * MIB
