"""State that a process inherits over exec (signals, descriptors, limits) neither hangs nor harms a run."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.acceptance.support import DEADLINE_S, Gator, until

ONE = "!Job {ident: one, command: echo, args: [hi]}\n"
SLEEPS = "!Job {ident: one, shell: sleep 60.5}\n"
LINES_SPEC = "!Job {ident: one, shell: seq 1 200000}\n"
TELLS = """\
!JobGroup
ident: top
jobs:
- !Job
  ident: one
  shell: |
    grep -E '^Sig(Blk|Ign)' /proc/self/status
    umask; ulimit -n; ulimit -c; nproc
"""


def _starter(code: str) -> Sequence[str]:
    """A program that does something to itself and then becomes the command."""
    return [
        sys.executable,
        "-c",
        f"import os, resource, signal, sys\n{code}\nos.execvp(sys.argv[1], sys.argv[1:])",
    ]


BLOCKED = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"


def _ignoring(*names: str) -> str:
    return "\n".join(f"signal.signal(signal.{name}, signal.SIG_IGN)" for name in names)


@pytest.mark.parametrize("placement", ["inline", "daemons"])
@pytest.mark.parametrize("code", [BLOCKED, _ignoring("SIGCHLD")])
def test_a_run_ends_when_its_starter_blocked_or_ignored_the_end_of_children(
    gator: Gator, code: str, placement: str
) -> None:
    run = gator.start("run", gator.spec(ONE), "--placement", placement, prefix=_starter(code))
    run.wait().expect(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_whose_starter_blocked_all_signals_can_be_stopped(gator: Gator, number: signal.Signals) -> None:
    run = gator.start("run", gator.spec(SLEEPS), prefix=_starter(BLOCKED))
    until(lambda: gator.jobs("60.5"), "a job")
    run.signal(number)
    done = run.wait().expect(130)
    assert f"{number.name}: stopping" in done.out


def test_a_run_hears_term_also_where_its_starter_ignored_it(gator: Gator) -> None:
    run = gator.start("run", gator.spec(SLEEPS), prefix=_starter(_ignoring("SIGTERM")))
    until(lambda: gator.jobs("60.5"), "a job")
    run.signal(signal.SIGTERM)
    run.wait().expect(130)


def test_what_nohup_and_a_shell_in_the_background_ignore_stays_ignored(gator: Gator) -> None:
    ignored = ("SIGINT", "SIGHUP", "SIGQUIT")
    run = gator.start("run", gator.spec(SLEEPS), prefix=_starter(_ignoring(*ignored)))
    until(lambda: gator.jobs("60.5"), "a job")
    for name in ignored:
        run.signal(getattr(signal, name))
    run.signal(signal.SIGTERM)
    done = run.wait().expect(130)
    assert "SIGTERM: stopping" in done.out
    assert not any(name in done.out for name in ignored)


def test_jobs_have_default_signals_and_the_limits_and_cores_of_the_launch(gator: Gator) -> None:
    cpu = min(os.sched_getaffinity(0))
    code = f"""
{BLOCKED}
{_ignoring("SIGINT", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGTSTP")}
os.umask(0o027)
resource.setrlimit(resource.RLIMIT_NOFILE, (345, 678))
resource.setrlimit(resource.RLIMIT_CORE, (1024, 1024))
os.sched_setaffinity(0, [{cpu}])
"""
    done = gator.start("run", gator.spec(TELLS), prefix=_starter(code)).wait().expect(0)
    blocked, ignored, umask, files, core, cores = gator.output("top/one").decode().splitlines()
    assert int(blocked.split()[1], 16) == 0
    # The C library ignores two of its own, 32 and 33, in what it starts.
    assert int(ignored.split()[1], 16) & 0x7FFFFFFF == 0
    assert (umask, files, cores) == ("0027", "345", "1")
    # In blocks of 512 or of 1,024 bytes, as the shell has it.
    assert core in {"1", "2"}
    assert "1 job on 1 core," in done.out
    assert (gator.folder.stat().st_mode & 0o777) == 0o750


def _start(
    gator: Gator, *args: str, stdin: int = subprocess.DEVNULL, stdout: int
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "gator", *args], cwd=gator.root, env=gator.env, stdin=stdin, stdout=stdout
    )


@pytest.mark.parametrize("command", [["logs", "one"], ["logs", "one", "-l"]])
def test_nothing_is_lost_on_a_standard_output_that_is_non_blocking_and_full(
    gator: Gator, command: list[str]
) -> None:
    gator("run", gator.spec(LINES_SPEC), "-q").expect(0)
    read, write = os.pipe()
    os.set_blocking(write, False)
    process = _start(gator, *command, stdout=write)
    # Until the pipe is read it takes only 64 KiB.
    until(lambda: not select.select([], [write], [], 0)[1], "a full pipe")
    assert not os.get_blocking(write)
    os.close(write)
    found: list[bytes] = []
    while data := os.read(read, 65_536):
        found.append(data)
    os.close(read)
    assert process.wait(DEADLINE_S) == 0
    lines = b"".join(found).splitlines()
    assert len(lines) == 200_000, lines[-1]
    assert lines[-1].endswith(b"200000")


def test_a_spec_is_read_from_a_standard_input_that_is_non_blocking(gator: Gator) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    process = _start(gator, "check", "-", stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    # It waits by now, or will: either way the spec comes in two pieces.
    os.write(write, ONE[:10].encode())
    until(lambda: _unread(write) == 0, "a reader")
    os.write(write, ONE[10:].encode())
    os.close(write)
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, out


def _unread(descriptor: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4), sys.byteorder)


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_the_flags_of_inherited_streams_are_left_as_they_are(gator: Gator, placement: str) -> None:
    gator.spec(ONE)
    read, write = os.pipe()
    process = _start(gator, "run", "spec.yaml", "--placement", placement, stdin=read, stdout=write)
    assert process.wait(DEADLINE_S) == 0
    assert os.get_blocking(read)
    assert os.get_blocking(write)
    os.close(write)
    os.close(read)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_streams_change_nothing_for_jobs(gator: Gator, closed: tuple[int, ...]) -> None:
    spec = gator.spec("!Job {ident: one, shell: 'echo out; echo err >&2; readlink /proc/self/fd/0'}\n")
    code = "\n".join(f"os.close({number})" for number in closed)
    gator.start("run", spec, "--limit-error", "9", prefix=_starter(code)).wait().expect(0)
    assert sorted(gator.output("one").splitlines()) == [b"/dev/null", b"err", b"out"]


def test_output_on_a_full_disk_is_a_sentence_and_no_fault_of_the_run(gator: Gator) -> None:
    gator("run", gator.spec("!JobGroup {ident: top, jobs: [!Job {command: echo}]}")).expect(0)
    for words in (["status"], ["runs"], ["tree"], ["schema"]):
        with Path("/dev/full").open("wb") as full:
            process = subprocess.run(
                [sys.executable, "-m", "gator", *words],
                cwd=gator.root,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        said = "gator: cannot write the output: no space left on device\n"
        assert (process.returncode, process.stderr) == (3, said), words
    assert not (gator.folder / "gator.log").exists()
