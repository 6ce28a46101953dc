"""The programs within an attempt share its cores by a jobserver, with real make, ninja and cargo."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gator.process.jobserver import FIFO_SINCE, Jobserver, knows_fifo
from gator.v1 import common_pb2, event_pb2, spec_pb2
from tests.component.wrapper.support import Bench, job, shell

AUTO = spec_pb2.JOBSERVER_MODE_AUTO
FIFO = spec_pb2.JOBSERVER_MODE_FIFO
PASSED = common_pb2.OUTCOME_PASSED
CORES = 3
STEP = """\
#!/bin/bash
# Waits until as many steps run as there are cores, and for a while for one more, which must not come.
echo begin >> log
for i in {1..500}; do [ "$(grep -c begin log)" -ge 3 ] && break; sleep 0.02; done
sleep 0.1
echo end >> log
"""
MAKEFILE = "all: 1 2 3 4 5 6\n%:\n\t@./step\n"


def version_of(program: str) -> tuple[int, ...]:
    path = shutil.which(program)
    if path is None:
        return ()
    said = subprocess.run([path, "--version"], capture_output=True, check=True).stdout.decode()
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def most(folder: Path) -> int:
    """Returns how many steps ran at the same time at most."""
    running = highest = 0
    for word in (folder / "log").read_text().split():
        running += 1 if word == "begin" else -1
        highest = max(highest, running)
    assert running == 0
    return highest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "step").write_text(STEP)
    (tmp_path / "step").chmod(0o755)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


def check(end: event_pb2.AttemptFinished, bench: Bench, folder: Path) -> None:
    assert end.outcome == PASSED, bench.text()
    assert most(folder) == CORES
    assert not list((folder / "run" / "jobservers").iterdir())


async def test_make_runs_as_many_processes_as_the_job_has_cores(bench: Bench, folder: Path) -> None:
    check(await bench.run_job(job("make", "all", jobserver=AUTO), cores=CORES), bench, folder)
    assert bench.data() == b""


async def test_two_makes_of_a_job_share_its_cores(bench: Bench, folder: Path) -> None:
    # One of them runs one process without a token.
    script = "make 1 2 3 & make 4 5 6 & wait"
    end = await bench.run_job(shell(script, jobserver=AUTO), cores=CORES)
    assert end.outcome == PASSED
    assert CORES <= most(folder) <= CORES + 1


async def test_a_job_with_one_core_builds_one_after_another(bench: Bench, folder: Path) -> None:
    (folder / "step").write_text("#!/bin/bash\necho begin >> log; sleep 0.02; echo end >> log\n")
    for cores in (0, 1):
        end = await bench.run_job(job("make", "all", jobserver=AUTO), f"top/j{cores}", cores=cores)
        assert end.outcome == PASSED
        assert most(folder) == 1


@pytest.mark.skipif(version_of("ninja") < (1, 13), reason="ninja knows no jobserver before 1.13")
async def test_ninja_runs_as_many_processes_as_the_job_has_cores(bench: Bench, folder: Path) -> None:
    builds = "\n".join(f"build out{number}: step" for number in range(6))
    (folder / "build.ninja").write_text(f"rule step\n command = ./step && touch $out\n{builds}\n")
    check(await bench.run_job(job("ninja", jobserver=FIFO), cores=CORES), bench, folder)


@pytest.mark.skipif(not version_of("cargo"), reason="cargo is not installed")
@pytest.mark.parametrize("mode", [FIFO, spec_pb2.JOBSERVER_MODE_PIPE])
async def test_cargo_runs_as_many_processes_as_the_job_has_cores(
    bench: Bench, folder: Path, mode: spec_pb2.JobserverMode.ValueType
) -> None:
    members = [f"c{number}" for number in range(6)]
    (folder / "Cargo.toml").write_text(f"[workspace]\nresolver = '2'\nmembers = {members}\n")
    for name in members:
        (folder / name / "src").mkdir(parents=True)
        (folder / name / "src" / "lib.rs").write_text("")
        (folder / name / "Cargo.toml").write_text(f"[package]\nname = '{name}'\nversion = '0.1.0'\n")
    wrapper = '#!/bin/bash\ncase "$*" in *"src/lib.rs"*) "$(dirname "$0")/step";; esac\nexec "$@"\n'
    (folder / "wrapper").write_text(wrapper)
    (folder / "wrapper").chmod(0o755)
    env = {
        "RUSTC_WRAPPER": str(folder / "wrapper"),
        "HOME": os.environ["HOME"],
        "CARGO_TARGET_DIR": str(folder / "target"),
    }
    build = job("cargo", "build", "--offline", jobserver=mode, stderr=spec_pb2.STDERR_MODE_MERGE)
    build.settings.env.extend(spec_pb2.EnvVariable(name=name, value=value) for name, value in env.items())
    check(await bench.run_job(build, cores=CORES), bench, folder)


async def test_each_attempt_has_tokens_of_its_own_and_those_of_a_killed_one_are_lost(
    bench: Bench, folder: Path
) -> None:
    # Takes both tokens and never gives them back.
    script = 'p=${MAKEFLAGS##*fifo:}; head -c 2 "$p"; kill -KILL $$'
    end = await bench.run_job(shell(script, jobserver=FIFO), "top/killed", cores=CORES)
    assert end.signal == 9
    assert bench.data(path="top/killed") == b"++"
    check(await bench.run_job(job("make", "all", jobserver=AUTO), cores=CORES), bench, folder)


async def test_flags_of_the_job_are_kept_and_another_jobserver_is_not(bench: Bench) -> None:
    echo = shell('echo "$MAKEFLAGS"; echo "${CARGO_MAKEFLAGS-unset}"', jobserver=FIFO)
    echo.settings.env.add(name="MAKEFLAGS", value="k -j8 --jobserver-auth=7,8 --no-print-directory")
    echo.settings.env.add(name="CARGO_MAKEFLAGS", value="-j8")
    await bench.run_job(echo, cores=4)
    flags, cargo = bench.text().splitlines()
    assert re.fullmatch(r"k --no-print-directory -j4 --jobserver-auth=fifo:/\S+", flags)
    assert cargo == "unset"


async def test_a_jobserver_that_cannot_be_made_is_named(bench: Bench, folder: Path) -> None:
    (folder / "run" / "jobservers").write_text("in the way")
    end = await bench.run_job(job("make", "all", jobserver=AUTO))
    assert end.reason == common_pb2.REASON_NOT_STARTED
    assert end.message.startswith("cannot create its jobserver: ")


def test_a_path_with_blanks_is_not_a_word_of_makeflags_so_another_one_is_used(tmp_path: Path) -> None:
    jobserver = Jobserver(tmp_path / "a b" / "x", 2, is_fifo=True)
    path = Path(jobserver.makeflags("").partition("fifo:")[2])
    assert path.is_fifo()
    assert " " not in str(path)
    jobserver.close()
    assert not path.parent.exists()


def test_the_form_is_that_of_the_make_in_the_path_of_the_job(tmp_path: Path) -> None:
    make = tmp_path / "make"
    for said, expected in (("4.3", False), ("4.4", True), ("4.4.1", True), ("10.0", True), ("?", True)):
        make.unlink(missing_ok=True)
        make.write_text(f"#!/bin/sh\necho GNU Make {said}\n")
        make.chmod(0o755)
        assert knows_fifo(str(tmp_path)) == expected
    assert knows_fifo(str(tmp_path / "nowhere"))
    if version := version_of("make"):
        assert knows_fifo(os.environ["PATH"]) == (version >= FIFO_SINCE)
