"""Processes that have lost every sign of their job end all the same, and the warning names the right job."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.process.cgroups import V2, own_groups
from gator.process.ownership.attempt_cgroups import find_groups
from gator.run_folder import RunFolder
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import MARK, Gator, Running, until

LOG, STARTED = attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_STARTED
PASSED = common_pb2.OUTCOME_PASSED
PLACEMENTS = ("inline", "daemons", "tiers")
REMOTE = ("daemons", "tiers")
WORD = "STRAY"
LOSE_ALL_SIGNS = (
    f'env -i setsid sh -c \'setsid sh -c "while :; do sleep 0.05; done # {WORD}" '
    "</dev/null >/dev/null 2>&1 & exit'"
)
"""Leaves a process with another session, no marks and no parent; its command line has the word."""
IGNORE_TERM = LOSE_ALL_SIGNS.replace("while", 'trap \\"\\" TERM; while')
OVERWRITE_ENVIRONMENT = """\
import ctypes, os, sys, time
if os.fork() or os.setsid() and os.fork():
    os._exit(0)
strings = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
i = 0
while strings[i]:
    ctypes.memset(strings[i], 0, ctypes.CDLL(None).strlen(ctypes.c_void_p(strings[i])))
    i += 1
open("ready", "w").close()
os.dup2(os.open(os.devnull, os.O_RDWR), 1)
os.dup2(1, 2)
while True:
    time.sleep(0.05)
"""


def strays(mark: str) -> list[int]:
    """The living processes whose command line holds a word and that have lost the marks of this test."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command, state = (entry / "cmdline").read_bytes(), (entry / "stat").read_text()
            if mark.encode() not in command or MARK.encode() in (entry / "environ").read_bytes():
                continue
        except OSError:
            continue
        # `env` itself is about to become another program.
        if not command.startswith(b"env") and state.rpartition(")")[2].split()[0] not in "ZX":
            found.append(int(entry.name))
    return sorted(found)


@pytest.fixture
def mark(gator: Gator) -> Iterator[str]:
    """A word by which the strays of this test are known, as they have no environment."""
    word = f"{WORD}{gator.mark}"
    yield word
    for pid in strays(word):
        # Only where a test has failed.
        os.kill(pid, signal.SIGKILL)


def run(gator: Gator, jobs: str, placement: str, mark: str, *, grace: str = "1s") -> Running:
    text = f"!JobGroup\nident: top\ngrace: {grace}\njobs:\n{jobs}".replace(WORD, mark)
    # Two jobs of a daemon may run at a time, those without cores as well.
    return gator.start("run", gator.spec(text), "-j", 4, "--placement", placement)


def job(ident: str, script: str, more: str = "") -> str:
    lines = "".join(f"      {line}\n" for line in script.splitlines())
    return f"- !Job\n    ident: {ident}\n{more}    shell: |\n{lines}"


def warnings(gator: Gator) -> dict[str, str]:
    """What was said of processes that were left behind, by job."""
    return {
        event.path: event.log.text for event in gator.events(LOG) if "left processes behind" in event.log.text
    }


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_an_orphan_is_ended_by_the_job_that_left_it_while_others_run(
    gator: Gator, mark: str, placement: str
) -> None:
    wait = 'until [ -e "$LAUNCH/go" ]; do sleep 0.02; done'.replace("$LAUNCH", str(gator.root))
    running = run(
        gator,
        job("leaves", LOSE_ALL_SIGNS)
        + job("beside", wait)
        + job("next", f"touch {gator.root}/next", "    on_pass: [leaves]\n"),
        placement,
        mark,
    )
    until(lambda: (gator.root / "next").exists(), "the dependent job")
    assert strays(mark) == [], "it lives while a dependent of its job runs"
    (gator.root / "go").touch()
    running.wait().expect(0)
    assert list(warnings(gator)) == ["top/leaves"]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_jobs_that_end_together_each_end_what_they_left(gator: Gator, mark: str, placement: str) -> None:
    several = "".join(job(f"j{number}", f"{IGNORE_TERM}\nsleep 0.5") for number in range(4))
    running = run(gator, several, placement, mark)
    running.wait().expect(0)
    assert strays(mark) == []
    said = warnings(gator)
    assert sorted(said) == [f"top/j{number}" for number in range(4)]
    named = [pid for text in said.values() for pid in re.findall(r"sh \(pid (\d+)", text)]
    assert len(named) == len(set(named)) >= 4, "one stray is named by two jobs"


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_one_that_overwrites_its_environment_is_found(gator: Gator, mark: str, placement: str) -> None:
    (gator.root / f"{mark}.py").write_text(OVERWRITE_ENVIRONMENT)
    start = f"python3 {WORD}.py && until [ -e ready ]; do sleep 0.02; done"
    running = run(gator, job("server", start), placement, mark)
    running.wait().expect(0)
    assert strays(mark) == []
    assert "python3" in warnings(gator)["top/server"]


@pytest.mark.parametrize("placement", REMOTE)
def test_orphans_of_a_daemon_that_is_killed_end_before_its_jobs_start_again(
    gator: Gator, mark: str, placement: str
) -> None:
    once = 'if [ "$GATOR_ATTEMPT" = 1 ]; then\n' + LOSE_ALL_SIGNS + "\nsleep 60\nfi"
    running = run(gator, job("once", f"{once}\ntouch again"), placement, mark)
    until(lambda: strays(mark), "the orphan")
    started = until(lambda: gator.events(STARTED), "the record of the start")[0].started
    parents = {one.pid: one.parent for one in gator.processes()}
    os.kill(parents[started.pid], signal.SIGKILL)
    until(lambda: (gator.root / "again").exists(), "the second attempt")
    assert strays(mark) == []
    done = running.wait().expect(0)
    assert "ended orphans" not in done.out + done.err, "a guard was taken for an orphan"
    assert gator.nodes()["top/once"].attempts == 2


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_when_the_root_is_killed_its_guards_find_orphans_too(gator: Gator, mark: str, placement: str) -> None:
    running = run(gator, job("one", f"{LOSE_ALL_SIGNS}\nsleep 60"), placement, mark)
    until(lambda: strays(mark), "the orphan")
    running.kill()
    gator.wait_gone()
    until(lambda: not strays(mark), "the end of the orphan")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_what_one_blow_to_root_guards_and_daemons_leaves_is_ended_by_the_next_command(
    gator: Gator, mark: str, placement: str
) -> None:
    running = run(gator, job("one", f"{LOSE_ALL_SIGNS}\nsleep 60.7"), placement, mark)
    until(lambda: strays(mark) and gator.events(STARTED), "the orphan")
    own = [one for one in gator.processes() if " guard " in one.command or "gator.daemon" in one.command]
    pids = [running.pid, *(one.pid for one in own)]
    # No process may notice the end of another.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    running.wait()
    assert strays(mark)
    assert gator.jobs("60.7")
    gator("status").expect(0)
    assert strays(mark) == []
    assert not gator.processes()
    gator.check_results()


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_no_control_group_of_a_run_is_left(gator: Gator, mark: str, placement: str) -> None:
    running = run(gator, job("one", f"{LOSE_ALL_SIGNS}\nsleep 60"), placement, mark)
    until(lambda: gator.events(STARTED), "the start")
    holder = RunFolder(gator.folder).lock_holder()
    assert holder is not None
    own = next(own_groups(V2), None)
    if own is None or not os.access(own / "cgroup.procs", os.W_OK):
        pytest.skip("needs a control group of version 2 that this process may write to")
    until(lambda: find_groups(holder.run), "the group of the job")
    running.kill()
    until(lambda: not find_groups(holder.run), "the end of the group")
    gator.wait_gone()
