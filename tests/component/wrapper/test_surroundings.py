"""What a job finds when it starts: its environment, folder, limits, and what it can report."""

import os
import resource
from pathlib import Path

import pytest

from gator.errors import PreconditionError
from gator.v1 import common_pb2, event_pb2, spec_pb2
from tests.component.process.support import until
from tests.component.wrapper.support import Bench, job, shell, stop


def _env(**values: str | None) -> list[spec_pb2.EnvVariable]:
    return [spec_pb2.EnvVariable(name=name, value=value) for name, value in values.items()]


def _variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


async def test_a_job_sees_the_environment_of_the_launch_and_what_gator_adds(bench: Bench) -> None:
    made = job("env", env=_env(MINE="$1 ${x}", HOME=None))
    await bench.run_job(made, "top/my job[3]", cores=2, array_index=3)
    seen = _variables(bench.text("top/my job[3]"))
    assert seen["GATOR_RUN"] == bench.run
    assert seen["GATOR_RUN_DIR"] == str(bench.folder / "run")
    assert seen["GATOR_PATH"] == "top/my job[3]"
    assert seen["GATOR_SLUG"].startswith("top_my_job_3_-")
    assert (seen["GATOR_ATTEMPT"], seen["GATOR_SEED"], seen["GATOR_CORES"]) == ("1", "7", "2")
    assert (seen["GATOR_MEMORY_MB"], seen["GATOR_ARRAY_INDEX"]) == ("0", "3")
    assert seen["GATOR_TOKEN"] == "token-of-top/my job[3]-1"
    assert (seen["MINE"], seen["PYTHONUNBUFFERED"]) == ("$1 ${x}", "1")
    assert "HOME" not in seen
    assert seen["PATH"] == os.environ["PATH"]


async def test_arguments_are_expanded_from_the_environment_of_the_job(bench: Bench) -> None:
    made = job("echo", "$GATOR_PATH", "${MINE:-none}", r"\$HOME", env=_env(MINE="a b"))
    await bench.run_job(made)
    assert bench.text() == "top/job a b $HOME\n"
    assert bench.start_of().argv == ["echo", "top/job", "a b", "$HOME"]


async def test_secrets_do_not_come_into_the_record(bench: Bench) -> None:
    await bench.run_job(job("echo", "$MY_PASSWORD", "$GATOR_TOKEN"))
    assert list(bench.start_of().argv) == ["echo", "***", "***"]
    assert bench.text() == "swordfish token-of-top/job-1\n"


async def test_what_is_known_only_at_the_start_is_filled_in(bench: Bench) -> None:
    made = job("echo", "${{ attempt }} of ${{cores}}", "$${{ cores }}", env=_env(N="n${{ attempt }}"))
    made.args.append("$N")
    await bench.run_job(made, cores=4)
    assert bench.text() == "1 of 4 ${{ cores }} n1\n"


async def test_a_relative_cwd_belongs_to_the_folder_of_the_launch(bench: Bench) -> None:
    (bench.folder / "sub").mkdir()
    await bench.run_job(job("pwd", cwd="sub"))
    assert bench.text() == f"{bench.folder}/sub\n"
    await bench.run_job(job("pwd"), "top/other")
    assert bench.text("top/other") == f"{bench.folder}\n"


async def test_a_program_is_sought_in_the_path_of_the_job(bench: Bench) -> None:
    program = bench.folder / "bin" / "only-here"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    end = await bench.run_job(job("only-here", env=_env(PATH=f"{program.parent}:/usr/bin:/bin")))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert bench.text() == "found\n"


async def test_a_setup_is_sourced_before_a_command_and_before_a_script(bench: Bench) -> None:
    setup = "export TOOL=sim\nhello() { echo hello; }"
    await bench.run_job(job("printenv", "TOOL", setup=setup), "top/command")
    assert bench.text("top/command") == "sim\n"
    await bench.run_job(shell("hello; echo $TOOL", setup=setup), "top/script")
    assert bench.text("top/script") == "hello\nsim\n"


async def test_a_setup_that_fails_fails_the_attempt_with_its_code(bench: Bench) -> None:
    for made, path in ((job("echo", "never"), "top/a"), (shell("echo never"), "top/b")):
        made.settings.setup = "(exit 5)\ntrue"
        end = await bench.run_job(made, path)
        assert (end.reason, end.exit_code) == (common_pb2.REASON_EXIT, 5)
        assert bench.text(path) == ""


async def test_a_script_stops_at_its_first_failure(bench: Bench) -> None:
    end = await bench.sh("false | true; echo never")
    assert end.exit_code == 1
    assert bench.text() == ""


async def test_a_script_sees_no_input_and_no_terminal(bench: Bench) -> None:
    end = await bench.sh("cat; if (exec < /dev/tty) 2>/dev/null; then echo tty; fi")
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert bench.text() == ""


async def test_niceness_and_limits_are_set(bench: Bench) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    await bench.sh("nice; ulimit -c; ulimit -n", nice=3, ulimit={"core": 0, "nofile": 100})
    assert bench.text().split() == [str(min(before + 3, 19)), "0", "100"]
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 100


@pytest.mark.parametrize(
    ("keep", "code", "stays"),
    [
        (spec_pb2.SCRATCH_KEEP_UNSPECIFIED, 0, False),
        (spec_pb2.SCRATCH_KEEP_FAILED, 1, True),
        (spec_pb2.SCRATCH_KEEP_ALL, 0, True),
        (spec_pb2.SCRATCH_KEEP_NONE, 1, False),
    ],
)
async def test_an_attempt_has_its_own_scratch_folder(
    bench: Bench, keep: spec_pb2.ScratchKeep.ValueType, code: int, stays: bool
) -> None:
    scratch = spec_pb2.Scratch(enabled=True, keep=keep)
    script = f"pwd; echo $GATOR_SCRATCH; echo ${{{{ scratch }}}}; touch file; exit {code}"
    await bench.run_job(shell(script, scratch=scratch))
    folder = bench.folder / "run" / "work" / _slug(bench) / "1"
    assert bench.text() == f"{folder}\n" * 3
    if stays:
        assert (folder / "file").exists()
    else:
        await until(lambda: not folder.parent.exists(), "the removal of a scratch folder")


def _slug(bench: Bench) -> str:
    return Path(bench.text().splitlines()[0]).parent.name


async def test_a_scratch_folder_that_is_there_already_is_an_error(bench: Bench) -> None:
    scratch = spec_pb2.Scratch(enabled=True, keep=spec_pb2.SCRATCH_KEEP_ALL)
    await bench.run_job(shell("true", scratch=scratch))
    bench.ends.clear()
    end = await bench.run_job(shell("true", scratch=scratch))
    assert end.reason == common_pb2.REASON_NOT_STARTED
    assert "cannot create its scratch folder" in end.message


async def test_runs_that_share_a_root_of_scratch_folders_do_not_meet(bench: Bench, tmp_path: Path) -> None:
    scratch = spec_pb2.Scratch(enabled=True, root=str(tmp_path / "fast"))
    await bench.run_job(shell("pwd; exit 1", scratch=scratch))
    folder = Path(bench.text().strip())
    assert folder.is_dir()
    assert folder.parents[1] == tmp_path / "fast"
    assert folder.parent.name.startswith(f"{bench.run[:12]}-top_job")


async def test_what_the_job_reports_itself_is_kept_and_counts(bench: Bench) -> None:
    kept: list[str] = []
    bench.launch(shell("exec sleep 60"))
    await until(lambda: bench.started, "the start")
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="from inside")
    bench.host.client_event("top/job", 1, event_pb2.Event(log=log), lambda: kept.append("log"))
    metric = event_pb2.Metric(name="cycles", value=3)
    bench.host.client_event("top/job", 1, event_pb2.Event(metric=metric), lambda: kept.append("metric"))
    await until(lambda: len(kept) == 2, "the commits")
    bench.host.stop(stop())
    end = await bench.end()
    assert [log.text for log in bench.logs()] == ["from inside"]
    assert end.counts.error == 1
    assert [(total.name, total.value) for total in end.metrics] == [("cycles", 3)]
    with pytest.raises(PreconditionError):
        bench.host.client_event("top/job", 1, event_pb2.Event(log=log), lambda: None)
