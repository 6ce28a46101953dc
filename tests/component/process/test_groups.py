"""Where control groups of version 2 may be made, each attempt that lives a while gets one of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.process.cgroups import V2, own_groups
from gator.process.ownership.attempt_cgroups import Group, Groups, find_groups
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import may_have_leftovers
from gator.process.procfs import ProcessInfo, read_process
from gator.process.sampling import Sampler
from gator.process.sweep import sweep
from gator.process.terminate import Terminator
from tests.component.process.support import Host, Job, alive, leftovers, until


@pytest.fixture
def groups(host: Host) -> Iterator[Groups]:
    own = next(own_groups(V2), None)
    if own is None or not os.access(own / "cgroup.procs", os.W_OK) or not _can_kill(own):
        pytest.skip("needs a control group of version 2 that this process may write to, and cgroup.kill")
    yield Groups(host.run, "d1")
    for group in find_groups(host.run):
        group.kill()
        group.remove()


def _can_kill(own: Path) -> bool:
    trial = own / f"gator-test-{os.getpid()}"
    try:
        trial.mkdir()
        found = (trial / "cgroup.kill").exists()
        trial.rmdir()
    except OSError:
        return False
    return found


def see(job: Job) -> tuple[ProcessInfo, ...]:
    """What a sample sees of a job."""
    return Sampler().sample([Ownership(job.pid, {})])[job.pid].members


def where(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().rpartition("0::")[2].strip()


async def test_what_a_job_starts_later_is_born_in_its_group_and_dies_with_it(
    host: Host, groups: Groups
) -> None:
    job = host.shell("echo up; until [ -e go ]; do sleep 0.01; done; env -i setsid sleep 60 & echo $!; wait")
    beside = host.shell("sleep 60")
    await until(lambda: job.out, "the start")
    ownership = Ownership(job.pid, {})
    ownership.group = groups.place(None, see(job))
    assert ownership.group is not None
    assert {job.pid} <= ownership.group.pids()
    assert where(beside.pid) == where(os.getpid())
    (host.folder / "go").touch()
    await until(lambda: job.out.count(b"\n") == 2, "the child")
    child = int(job.out.split()[1])
    await until(lambda: child in (ownership.group or Group("")).pids(), "the child in the group")
    endings = Terminator(host.reaper.watched)
    # Neither session nor marks nor descent: only the group tells.
    known = Ownership(0, {})
    known.group = ownership.group
    assert child in [process.pid for process in await endings.find(known)]
    ownership.group.kill()
    assert await job.reaped() == -9
    await until(lambda: not alive(child), "the end of the child")
    assert not may_have_leftovers(known, host.reaper.watched)
    ownership.group.remove()
    assert not Path(ownership.group.folder).exists()
    endings.close()
    os.kill(beside.pid, 9)
    await beside.reaped()


async def test_an_orphan_in_the_group_makes_its_job_look(host: Host, groups: Groups) -> None:
    job = host.shell("until [ -e go ]; do sleep 0.01; done; env -i setsid sh -c 'sleep 60 >&- 2>&- &'")
    ownership = Ownership(job.pid, {})
    ownership.group = groups.place(None, see(job))
    (host.folder / "go").touch()
    assert await job.ended() == 0
    ownership.leader_reaped = True
    endings = Terminator(host.reaper.watched)
    assert [process.name for process in await leftovers(endings, ownership)] == ["sleep"]
    ended = await endings.end(ownership, 0.0)
    assert ended.unkillable == ()
    assert not endings.may_live(ownership)
    endings.close()


async def test_only_what_is_in_the_own_group_is_moved(host: Host, groups: Groups) -> None:
    job, other = host.shell("sleep 60"), host.shell("sleep 60")
    mine = groups.place(None, see(job))
    theirs = groups.place(None, see(other))
    assert mine is not None
    assert theirs is not None
    # As a job that started a container, which has a group of its own.
    assert groups.place(mine, [*see(job), *see(other)]) is mine
    assert other.pid in theirs.pids()
    for group in (mine, theirs):
        group.kill()
    for one in (job, other):
        await one.reaped()


async def test_a_pid_that_was_given_to_another_is_moved_back(host: Host, groups: Groups) -> None:
    job = host.shell("sleep 60")
    now = read_process(job.pid)
    assert now is not None
    group = groups.place(None, [now._replace(start_ticks=now.start_ticks - 1)])
    assert group is not None
    assert group.pids() == set()
    assert where(job.pid) == where(os.getpid())
    os.kill(job.pid, 9)
    await job.reaped()


async def test_a_sweep_kills_groups_and_removes_them(host: Host, groups: Groups) -> None:
    job = host.shell("sleep 60")
    group = groups.place(None, see(job))
    assert group is not None
    inner = Path(group.folder) / "inner"
    inner.mkdir()
    assert find_groups(host.run, "d2") == []
    assert sweep(host.run, "d2") == []
    assert alive(job.pid)
    assert [found.folder for found in find_groups(host.run)] == [group.folder]
    assert sweep(host.run) == []
    assert await job.reaped() == -9
    assert not Path(group.folder).exists()


def test_where_no_group_may_be_made_attempts_have_none(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / f"proc/{os.getpid()}").mkdir()
    own = tmp_path / "sys/fs/cgroup/own"
    own.mkdir(parents=True)
    me = read_process(os.getpid())
    assert me is not None
    # No hierarchy at all, as on a host with version 1.
    assert Groups("r", "w1", tmp_path).place(None, [me]) is None
    mount = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    line = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip() or "/"
    for entry in ("self", str(os.getpid())):
        (tmp_path / f"proc/{entry}/cgroup").write_text(f"0::{line}\n")
    groups = Groups("r", "w1", tmp_path)
    # A made folder has no cgroup.kill, as before Linux 5.14.
    assert groups.place(None, [me]) is None
    assert list((tmp_path / "sys").rglob("gator-*")) == []
    assert groups.place(None, [me]) is None
