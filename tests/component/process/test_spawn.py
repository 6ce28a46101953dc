"""Starting real programs: what they inherit, and the errors if they cannot start."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gator.process.host import close_inherited, supported
from gator.process.spawn import SpawnError
from tests.component.process.support import Host

Script = Callable[[str, str], Path]


async def test_both_streams_and_the_exit_code_come_back(host: Host) -> None:
    job = host.shell("echo out; echo err >&2; exit 3")
    assert await job.ended() == 3
    assert (job.out, job.err) == (b"out\n", b"err\n")
    assert job.usage is not None
    assert job.usage.ru_utime >= 0


async def test_merged_streams_keep_their_true_order(host: Host) -> None:
    job = host.start("/bin/bash", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done", merge_stderr=True)
    assert await job.ended() == 0
    assert job.out.split() == [b"o1", b"e1", b"o2", b"e2", b"o3", b"e3"]
    assert job.process.stderr_fd is None


async def test_a_job_leads_its_own_session_and_group(host: Host) -> None:
    job = host.start(sys.executable, "-c", "import os; print(os.getpid(), os.getsid(0), os.getpgrp())")
    assert await job.ended() == 0
    assert set(map(int, job.out.split())) == {job.pid}


async def test_stdin_is_at_its_end(host: Host) -> None:
    job = host.start("cat")
    assert await job.ended() == 0
    assert job.out == b""


async def test_opening_dev_tty_fails_instead_of_stopping_for_ever(host: Host) -> None:
    job = host.shell("read x < /dev/tty")
    assert await job.ended() != 0
    assert b"/dev/tty" in job.err


async def test_nothing_but_the_three_streams_is_inherited(host: Host) -> None:
    read_fd, write_fd = os.pipe()
    os.set_inheritable(write_fd, True)
    try:
        close_inherited()
        job = host.start("ls", "/proc/self/fd")
        assert await job.ended() == 0
        assert job.out.split() == [b"0", b"1", b"2", b"3"]  # 3 is the listing's own
    finally:
        os.close(read_fd)
        os.close(write_fd)


async def test_signals_have_their_defaults_and_none_is_blocked(host: Host) -> None:
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        job = host.start("grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status")
        assert await job.ended() == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    blocked, ignored = (int(line.split()[1], 16) for line in job.out.splitlines())
    internal = 0b11 << 31  # 32 and 33 are glibc's own, which its posix_spawn leaves ignored
    assert (blocked, ignored & ~internal) == (0, 0)


async def test_yes_into_head_ends_by_the_broken_pipe(host: Host) -> None:
    job = host.shell("set -o pipefail; yes | head -1; echo ${PIPESTATUS[0]}")
    assert await job.ended() == 0
    assert job.out == b"y\n141\n"
    assert job.err == b""


async def test_a_program_is_sought_in_the_path_of_the_job_only(host: Host, script: Script) -> None:
    program = script("only-here", "#!/bin/sh\necho found $1\n")
    job = host.start("only-here", "it", env={"PATH": f"/nowhere:{program.parent}:/bin"})
    assert await job.ended() == 0
    assert job.out == b"found it\n"
    with pytest.raises(SpawnError, match="no such program in PATH: only-here"):
        host.start("only-here")


async def test_relative_entries_of_path_are_taken_from_the_job_directory(host: Host, script: Script) -> None:
    script("here", "#!/bin/sh\necho found\n")
    job = host.start("here", env={"PATH": ":/bin"})
    assert await job.ended() == 0
    with pytest.raises(SpawnError):
        host.start("here", env={"PATH": ":/bin"}, cwd=Path("/"))


async def test_a_program_that_moved_within_path_is_found_again(host: Host, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    tool = old / "tool"
    tool.write_text("#!/bin/sh\necho $0\n")
    tool.chmod(0o755)
    env = {"PATH": f"{old}:{new}:/bin"}
    assert await host.start("tool", env=env).ended() == 0
    tool.rename(new / "tool")
    job = host.start("tool", env=env)
    assert await job.ended() == 0
    assert job.out.strip() == str(new / "tool").encode()
    (new / "tool").unlink()
    with pytest.raises(SpawnError, match="no such program in PATH: tool"):
        host.start("tool", env=env)


async def test_the_directory_of_the_job_does_not_become_that_of_the_daemon(
    host: Host, tmp_path: Path
) -> None:
    before = Path.cwd()
    job = host.start("pwd")
    assert await job.ended() == 0
    assert job.out.strip().decode() == str(tmp_path)
    assert Path.cwd() == before


async def test_a_script_without_a_first_line_goes_to_the_shell(host: Host, script: Script) -> None:
    path = script("plain", "echo script $1 $2\nexit 4\n")
    job = host.start(str(path), "a b", "c")
    assert await job.ended() == 4
    assert job.out == b"script a b c\n"


async def test_a_terminal_controls_the_job_and_keeps_its_bytes(host: Host) -> None:
    code = "import os; print(os.isatty(1), os.get_terminal_size(1)); open('/dev/tty', 'w').write('t\\n')"
    job = host.start(sys.executable, "-c", code, tty=True)
    assert await job.ended() == 0
    assert job.out == b"True os.terminal_size(columns=80, lines=24)\nt\n"
    assert job.err == b""


async def test_niceness_and_limits_are_set_before_the_program_runs(host: Host) -> None:
    job = host.start("sh", "-c", "nice; ulimit -n; ulimit -c", nice=3, ulimit={"nofile": 99, "core": 0})
    assert await job.ended() == 0
    assert job.out.split() == [str(os.nice(0) + 3).encode(), b"99", b"0"]
    with pytest.raises(SpawnError, match=r"no such program: \./missing"):
        host.start("./missing", nice=1)
    with pytest.raises(SpawnError, match="unknown limit 'cores' in ulimit"):
        host.start("true", ulimit={"cores": 0})


@pytest.mark.parametrize(
    ("argv", "number", "message"),
    [
        (["no-such-program-at-all"], errno.ENOENT, "no such program in PATH: no-such-program-at-all"),
        (["exit", "3"], errno.ENOENT, "exit is a shell builtin: use 'shell'"),
        (["source", "x"], errno.ENOENT, "source is a shell builtin: use 'shell'"),
        (["echo hi"], errno.ENOENT, "put arguments in 'args'"),
        ([""], errno.ENOENT, "the command is empty"),
        ([], errno.ENOENT, "the command is empty"),
        (["./missing"], errno.ENOENT, "no such program: ./missing"),
        (["./text"], errno.EACCES, "not executable: ./text: chmod +x it"),
        (["text"], errno.EACCES, "text is found in PATH, but is not executable"),
        (["./folder"], errno.EACCES, "a directory, not a program: ./folder"),
        (["./text/x"], errno.ENOTDIR, "a part of its path is not a directory"),
        (["./lost"], errno.ENOENT, "the interpreter in the first line of ./lost does not exist: /no/python"),
        (["./binary"], errno.ENOEXEC, "not a program for this machine: ./binary"),
        (["true", "x" * 200_000], errno.E2BIG, "is 200,000 bytes; the maximum of the kernel is 131,071"),
        (["true", "a\0b"], errno.EINVAL, "cannot be passed on"),
    ],
)
async def test_what_cannot_start_is_refused_for_good_with_a_hint(
    host: Host, tmp_path: Path, descriptors: None, argv: list[str], number: int, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("text")
    for name, content in (("lost", b"#!/no/python -u\n"), ("binary", b"\x7fELF\0\0\0\0")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
    with pytest.raises(SpawnError) as caught:
        host.start(*argv, env={"PATH": f"/bin:/usr/bin:{tmp_path}"})
    assert caught.value.errno == number
    assert message in caught.value.message
    assert not caught.value.transient
    host.spawner.close()


async def test_a_missing_directory_is_told_apart_from_a_missing_program(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cwd, message in (("gone", "does not exist"), ("file", "is not a directory")):
        with pytest.raises(SpawnError, match=f"the working directory {message}: .*/{cwd}") as caught:
            host.start("true", cwd=tmp_path / cwd)
        assert not caught.value.transient


_WITHOUT_DESCRIPTORS = """
import os, resource, sys
from gator.process.spawn import SpawnError
from gator.process.spawn import SpawnRequest, Spawner
spawner = Spawner()
command = SpawnRequest(["/bin/true"], {}, "/")
first = spawner.spawn(command)
os.close(first.stdout_fd), os.close(first.stderr_fd)
os.waitpid(first.pid, 0)
count = len(os.listdir("/proc/self/fd"))
for spare in range(4):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count - 1 + spare, 4096))
    try:
        spawner.spawn(command)
        print("started")
    except SpawnError as error:
        print(error.transient, os.strerror(error.errno))
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
assert len(os.listdir("/proc/self/fd")) == count
last = spawner.spawn(command)
print(os.waitpid(last.pid, 0)[1])
"""


def test_running_out_of_descriptors_is_transient_and_leaves_none_open() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_DESCRIPTORS], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["True Too many open files"] * 4 + ["0"]


def test_this_host_is_supported() -> None:
    assert supported() is None
