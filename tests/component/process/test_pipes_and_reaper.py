"""Reading without blocking, and reaping every child exactly once."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gator.process.ownership.select import is_helper, register_helper
from gator.process.pipes import Pipes, watch_eof
from gator.process.spawn import SpawnRequest
from tests.component.process.support import Host, until


async def test_a_flood_arrives_whole_and_in_bounded_pieces(host: Host) -> None:
    process = host.spawner.spawn(
        SpawnRequest(["head", "-c", "20000000", "/dev/zero"], host.environment(), "/", merge_stderr=True)
    )
    sizes: list[int] = []
    ended = asyncio.Event()
    host.pipes.open(process.stdout_fd, lambda data: sizes.append(len(data)), ended.set)
    await asyncio.wait_for(ended.wait(), 20)
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 262_144


async def test_portions_that_take_long_become_smaller_and_grow_again(host: Host) -> None:
    process = host.spawner.spawn(
        SpawnRequest(["head", "-c", "3000000", "/dev/zero"], host.environment(), "/", merge_stderr=True)
    )
    sizes: list[int] = []
    ended = asyncio.Event()

    def compute(data: bytes) -> None:
        sizes.append(len(data))
        end = time.thread_time() + 0.02
        while len(sizes) <= 6 and time.thread_time() < end:
            pass

    host.pipes.open(process.stdout_fd, compute, ended.set)
    await asyncio.wait_for(ended.wait(), 20)
    assert sum(sizes) == 3_000_000
    assert sizes[6] == 1024
    assert max(sizes[7:]) == 32_768


async def test_output_that_is_expensive_to_handle_is_drained_in_several_turns(host: Host) -> None:
    read_fd, write_fd = os.pipe()
    os.write(write_fd, bytes(60_000))
    os.close(write_fd)
    taken: list[int] = []

    def compute(data: bytes) -> None:
        taken.append(len(data))
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass

    pipe = host.pipes.open(read_fd, compute, lambda: None)
    assert not pipe.drain_now()
    assert pipe.was_cut
    assert sum(taken) < 60_000
    while not pipe.drain_now():
        assert pipe.was_cut
    assert sum(taken) == 60_000


async def test_a_paused_pipe_holds_up_its_writer_and_costs_no_turns(host: Host) -> None:
    job = host.shell("echo first; head -c 300000 /dev/zero; echo done >&2")
    await until(lambda: job.out, "first output")
    job.pipes[0].pause()
    seen = len(job.out)
    await asyncio.sleep(0.1)
    assert len(job.out) == seen
    job.pipes[0].resume()
    assert await job.ended() == 0
    assert len(job.out) == 300_006


async def test_a_paused_pipe_whose_writer_ended_is_drained_on_demand(host: Host) -> None:
    job = host.shell("echo kept")
    job.pipes[0].pause()
    assert await job.reaped() == 0
    assert job.pipes[0].drain_now()
    assert job.out == b"kept\n"
    assert job.pipes[0].closed


async def test_a_grandchild_that_keeps_stdout_does_not_hold_up_the_reaping(host: Host) -> None:
    job = host.shell("sleep 60 & echo $!")
    assert await job.reaped() == 0
    assert not job.pipes[0].drain_now()
    assert job.open_streams == 2
    os.kill(int(job.out), 9)
    await job.ended()


async def test_a_job_that_closes_its_streams_goes_on_until_it_ends(host: Host) -> None:
    job = host.shell("exec >&- 2>&-; while [ ! -e go ]; do sleep 0.01; done; exit 5")
    await until(lambda: job.open_streams == 0, "both ends of file")
    assert job.exit_code is None
    (host.folder / "go").touch()
    assert await job.reaped() == 5


async def test_closing_a_pipe_calls_nothing_and_may_be_done_twice() -> None:
    pipes = Pipes(asyncio.get_running_loop())
    read_fd, write_fd = os.pipe()
    calls: list[object] = []
    pipe = pipes.open(read_fd, calls.append, lambda: calls.append(None))
    os.write(write_fd, b"x")
    pipe.close()
    pipe.close()
    await asyncio.sleep(0)
    assert calls == []
    os.close(write_fd)
    pipes.close()


async def test_many_short_jobs_at_once_are_each_reaped_once(host: Host) -> None:
    jobs = [host.start("sh", "-c", f"exit {number % 7}") for number in range(100)]
    assert [await job.ended() for job in jobs] == [number % 7 for number in range(100)]
    assert not host.reaper.watched


async def test_a_child_that_ended_before_it_was_watched_is_still_reported(host: Host) -> None:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 9"], {})
    await until(lambda: pid in host.strangers, "the stranger's end")
    seen: list[int] = []

    def on_exit(status: int, _usage: resource.struct_rusage) -> None:
        seen.append(os.waitstatus_to_exitcode(status))

    host.reaper.watch(pid, on_exit)
    assert seen == []
    await until(lambda: seen == [9], "the report")


async def test_a_helper_is_unregistered_when_it_is_reaped(host: Host) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    register_helper(pid)
    await until(lambda: pid in host.strangers, "its end")
    assert not is_helper(pid)


async def test_an_adopted_orphan_is_reaped_as_a_stranger(host: Host) -> None:
    job = host.shell("(sleep 0.05 & echo $!)")
    assert await job.ended() == 0
    await until(lambda: int(job.out) in host.strangers, "the orphan's end")


async def test_the_end_of_a_parent_is_seen_on_a_pipe() -> None:
    loop = asyncio.get_running_loop()
    parent = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    gone = asyncio.Event()
    watch_eof(loop, parent.stdout.fileno(), gone.set)
    await asyncio.sleep(0)
    assert not gone.is_set()
    parent.kill()
    await asyncio.wait_for(gone.wait(), 10)
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()


async def test_a_file_has_no_other_end_to_watch() -> None:
    with Path(__file__).open() as file, pytest.raises(PermissionError):
        watch_eof(asyncio.get_running_loop(), file.fileno(), lambda: None)
