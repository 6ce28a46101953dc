"""Every end that an attempt can come to, with real processes."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from gator.process.oom import count_oom_kills
from gator.process.ownership.attempt_cgroups import Group
from gator.v1 import attach_pb2, common_pb2, spec_pb2
from tests.component.process.support import until
from tests.component.wrapper.support import Bench, is_alive, job, pid_in, shell, stop

PASSED = common_pb2.OUTCOME_PASSED
FAILED = common_pb2.OUTCOME_FAILED


async def test_true_passes_with_two_events(bench: Bench) -> None:
    end = await bench.run_job(job("true"))
    assert end.outcome == PASSED
    assert [event.WhichOneof("payload") for event in bench.witness.events] == ["started", "attempt_finished"]
    assert bench.started == [("top/job", 1)]
    assert end.usage.wall_nanos > 0
    assert not bench.host.running


async def test_an_exit_code_is_told(bench: Bench) -> None:
    end = await bench.sh("exit 3")
    assert (end.outcome, end.reason, end.exit_code) == (FAILED, common_pb2.REASON_EXIT, 3)
    assert end.message == "exited with code 3"


async def test_a_signal_is_told(bench: Bench) -> None:
    end = await bench.sh("kill -SEGV $$")
    assert (end.reason, end.signal) == (common_pb2.REASON_SIGNAL, signal.SIGSEGV)
    assert end.message == "killed by signal 11 (SIGSEGV)"


async def test_a_missing_command_is_not_started_and_says_what_to_do(bench: Bench) -> None:
    end = await bench.run_job(job("exit", "3"))
    assert (end.outcome, end.reason) == (FAILED, common_pb2.REASON_NOT_STARTED)
    assert end.message == "exit is a shell builtin: use 'shell'"
    assert not bench.of_kind("started")


async def test_a_missing_working_directory_is_not_started(bench: Bench) -> None:
    end = await bench.run_job(job("true", cwd="nowhere"))
    assert end.reason == common_pb2.REASON_NOT_STARTED
    assert "working directory does not exist" in end.message


async def test_a_timeout_ends_a_job_that_ignores_term(bench: Bench) -> None:
    end = await bench.sh(
        "trap '' TERM; echo $$; while :; do sleep 0.05; done", timeout_millis=200, grace_millis=200
    )
    assert (end.outcome, end.reason, end.signal) == (FAILED, common_pb2.REASON_TIMEOUT, signal.SIGKILL)
    assert not is_alive(int(bench.text()))


async def test_a_timeout_gives_a_job_its_grace(bench: Bench) -> None:
    end = await bench.sh(
        "trap 'echo bye; exit 0' TERM; while :; do sleep 0.02; done", timeout_millis=200, grace_millis=5_000
    )
    assert end.reason == common_pb2.REASON_TIMEOUT
    assert bench.text() == "bye\n"


async def test_a_stop_cancels_what_runs_and_what_waits(bench: Bench) -> None:
    bench.launch(shell("echo up; exec sleep 60"), "top/a", lease=1)
    bench.launch(shell("echo never"), "top/b", lease=1)
    bench.launch(shell("exec sleep 0.5"), "other/c", lease=2)
    await until(lambda: bench.text("top/a"), "output of a job")
    bench.host.stop(stop("top"))
    a, b = await bench.end("top/a"), await bench.end("top/b")
    assert a.outcome == b.outcome == common_pb2.OUTCOME_CANCELLED
    assert a.message == b.message == "by the test"
    assert not bench.of_kind("started", "top/b")
    assert (await bench.end("other/c")).outcome == PASSED


async def test_a_hold_leaves_alone_what_runs(bench: Bench) -> None:
    bench.launch(shell("exec sleep 0.3"), "top/a", lease=1)
    bench.launch(shell("echo never"), "top/b", lease=1)
    bench.host.stop(stop("", attach_pb2.STOP_MODE_HOLD))
    assert (await bench.end("top/b")).outcome == common_pb2.OUTCOME_CANCELLED
    assert (await bench.end("top/a")).outcome == PASSED


async def test_a_job_may_close_stdout_and_go_on(bench: Bench) -> None:
    end = await bench.sh("exec >&- 2>&-; sleep 0.3; exit 4")
    assert end.exit_code == 4
    assert end.usage.wall_nanos > 250_000_000


async def test_a_leaked_stdout_does_not_hang_the_attempt(bench: Bench) -> None:
    end = await bench.sh("echo hi; sleep 60 & echo $! > pid; disown", grace_millis=2_000)
    assert end.outcome == PASSED
    assert not is_alive(await pid_in(bench.folder / "pid"))
    assert bench.text() == "hi\n"
    (warning,) = bench.logs()
    assert (warning.severity, warning.logger) == (common_pb2.SEVERITY_WARNING, "gator")
    assert "sleep" in warning.text
    assert end.counts.warning == 0


@pytest.mark.parametrize(
    "script",
    [
        "setsid sleep 60 >/dev/null 2>&1 & echo $! > pid",
        "set -m; (exec sleep 60 >/dev/null 2>&1) & echo $! > pid",
        "(setsid bash -c 'echo $$ > pid; exec sleep 60' >/dev/null 2>&1 &)",
        "timeout 60 sleep 61 >/dev/null 2>&1 & echo $! > pid",
    ],
    ids=["setsid", "job control", "daemon", "timeout"],
)
async def test_nothing_escapes_the_end_of_its_job(bench: Bench, script: str) -> None:
    end = await bench.sh(f"{script}; while [ ! -s pid ]; do sleep 0.01; done", grace_millis=2_000)
    assert end.outcome == PASSED
    assert not is_alive(await pid_in(bench.folder / "pid"))
    assert len(bench.logs()) == 1


async def test_what_ignores_term_is_killed_after_the_grace(bench: Bench) -> None:
    script = "setsid bash -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.05; done' >/dev/null 2>&1 &"
    end = await bench.sh(f"{script} while [ ! -s pid ]; do sleep 0.01; done", grace_millis=300)
    assert end.outcome == PASSED
    assert not is_alive(await pid_in(bench.folder / "pid"))


async def test_jobs_of_one_lease_run_one_after_another(bench: Bench) -> None:
    for n in range(5):
        bench.launch(shell(f"echo start {n} >> log; sleep 0.05; echo end {n} >> log"), f"top/j[{n}]", lease=1)
    for n in range(5):
        await bench.end(f"top/j[{n}]")
    lines = (bench.folder / "log").read_text().split("\n")[:-1]
    assert lines == [f"{word} {n}" for n in range(5) for word in ("start", "end")]


async def test_what_has_not_started_can_be_recalled(bench: Bench) -> None:
    bench.launch(shell("exec sleep 0.2"), "top/a", lease=1)
    bench.launch(job("true"), "top/b", lease=1)
    bench.launch(shell("exec sleep 0.2"), "top/c", lease=2)
    bench.launch(job("true"), "top/d", lease=2)
    assert [ref.path for ref in bench.host.recall([1])] == ["top/b"]
    assert [ref.path for ref in bench.host.recall([])] == ["top/d"]
    await bench.end("top/a")
    await bench.end("top/c")
    assert set(bench.ends) == {("top/a", 1), ("top/c", 1)}


async def test_a_thousand_attempts_that_cannot_start_end_all_the_same(bench: Bench) -> None:
    for n in range(1000):
        bench.launch(job("no-such-program"), f"top/j[{n}]", lease=1)
    await until(lambda: len(bench.ends) == 1000, "a thousand ends")


async def test_drain_waits_for_everything(bench: Bench) -> None:
    drained = asyncio.Event()
    for n in range(3):
        bench.launch(shell("exec sleep 0.1"), f"top/j[{n}]", lease=1)
    bench.host.drain(drained.set)
    await asyncio.wait_for(drained.wait(), 10)
    assert len(bench.ends) == 3
    bench.host.drain(drained.clear)
    await until(lambda: not drained.is_set(), "a drain of nothing")


async def test_more_memory_than_allowed_ends_a_job(bench: Bench) -> None:
    made = shell("python3 -c 'import time; x = bytearray(80_000_000); time.sleep(60)'")
    made.resources.memory_bytes = 40_000_000
    made.resources.enforce_memory = True
    end = await bench.run_job(made)
    assert (end.outcome, end.reason) == (FAILED, common_pb2.REASON_MEMORY)
    assert end.usage.peak_memory_bytes > 40_000_000


async def test_the_processor_time_of_children_counts(bench: Bench) -> None:
    end = await bench.sh("bash -c 'for ((i=0;i<200000;i++)); do :; done'")
    assert end.usage.user_nanos > 50_000_000


async def test_a_job_that_the_kernel_ends_at_its_own_limit_has_used_too_much_memory(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "memory.events").write_text("oom 1\noom_kill 1\n")
    (tmp_path / "memory.peak").write_text("40000000\n")
    made = shell("echo up; exec sleep 60")
    made.resources.memory_bytes = 40_000_000
    made.resources.enforce_memory = True
    bench.launch(made)
    await until(lambda: bench.data() == b"up\n", "the start")
    (attempt,) = bench.host._attempts.values()  # pyright: ignore[reportPrivateUsage]
    # No kernel with the controller in version 2 is needed for what follows from a kill by it.
    attempt.ownership.group = Group(str(tmp_path), 40_000_000)
    assert attempt.process is not None
    os.kill(attempt.process.pid, signal.SIGKILL)
    end = await bench.end()
    attempt.ownership.group = None
    assert end.reason == common_pb2.REASON_MEMORY
    assert end.message.startswith("needed more than the 40 MB of memory that are allowed; raise `!Memory`")


async def test_a_job_is_sampled_while_it_runs(bench: Bench) -> None:
    bench.launch(shell("exec sleep 60"))
    await until(lambda: bench.of_kind("sample"), "a sample")
    bench.host.stop(stop(mode=attach_pb2.STOP_MODE_NOW))
    end = await bench.end()
    assert end.usage.peak_memory_bytes > 100_000
    assert end.usage.peak_processes == 1


def test_the_oom_counter_of_this_kernel_can_be_read() -> None:
    count = count_oom_kills()
    assert (count >= 0) == Path("/proc/vmstat").exists()


async def test_a_limit_allows_what_it_says(bench: Bench) -> None:
    limits = spec_pb2.Limits(error=2)
    mode = spec_pb2.STDERR_MODE_ERROR
    end = await bench.sh("echo a >&2; echo b >&2", limits=limits, stderr=mode)
    assert end.outcome == PASSED
    bench.launch(shell("echo a >&2; echo b >&2; echo c >&2", limits=limits, stderr=mode), "top/more")
    more = await bench.end("top/more")
    assert more.reason == common_pb2.REASON_LIMIT
    assert more.message.startswith("3 errors where 2 are allowed, the first: a")


async def test_more_jobs_than_descriptors_wait_for_each_other(bench: Bench) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Of a limit half is to spare, at most 64. What ran in this process before may hold some of the rest.
    ours = len(list(Path("/proc/self/fd").iterdir())) + 24
    resource.setrlimit(resource.RLIMIT_NOFILE, (ours + min(ours, 64), hard))
    try:
        for n in range(60):
            bench.launch(shell("sleep 0.2"), f"top/j[{n}]")
        await until(lambda: len(bench.ends) == 60, "sixty ends")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {end.outcome for end in bench.ends.values()} == {PASSED}
