"""Collects what the processes of a silent attempt do: states, wait channels, open files, stacks.

Invariant: nothing is changed, except that Java is asked for its stacks, which it prints itself.
"""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from gator.core.attempt.hang.evidence import Evidence, ProcessEvidence
from gator.core.text import clean, readable

if TYPE_CHECKING:
    import psutil

MAX_PROCESSES: Final = 40
"""Maximum number of processes that are described."""
MAX_FILES: Final = 20
"""Maximum number of open files, and of sockets, of one process."""
SECONDS: Final = 5.0
"""Timeout for everything."""
_STACK_SECONDS: Final = 2.0
_WATCHED_SECONDS: Final = 0.2
_TAIL_BYTES: Final = 32_768
"""Number of bytes at the end of a file or a list of stacks; more than is shown, so that secrets are whole."""
_NOT_WAITING: Final = ("", "0")
"""Contents of /proc/PID/wchan if the process does not wait in the kernel."""


def collect(pids: Iterable[int], watch: str) -> Evidence:
    """Returns what living processes do, and the end of a watched file if `watch` is not empty.

    Takes at most `SECONDS` and the time of one answer of the kernel.
    """
    import psutil

    until = monotonic() + SECONDS
    end = _end_of(watch) if watch else None
    processes: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            processes.append(psutil.Process(pid))
    used = {process.pid: _cpu_seconds(process) for process in processes[:MAX_PROCESSES]}
    began = monotonic()
    sleep(_WATCHED_SECONDS)
    described: list[ProcessEvidence] = []
    for process in processes[:MAX_PROCESSES]:
        with suppress(psutil.Error, OSError):
            cores = (_cpu_seconds(process) - used[process.pid]) / (monotonic() - began)
            described.append(_describe(process, cores, until))
    prints = [process.pid for process in processes if monotonic() < until and _request_java_stacks(process)]
    return Evidence(described, len(processes) - len(described), watch, end, prints_stacks=bool(prints))


def file_state(watch: str) -> tuple[int, int] | None:
    """Returns size in bytes and inode of a file; None if there is none."""
    try:
        info = Path(watch).stat()
    except OSError:
        return None
    return info.st_size, info.st_ino


def _end_of(watch: str) -> str | None:
    """Returns the end of a regular file; None if it cannot be read."""
    try:
        fd = os.open(watch, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            return None
        return readable(os.pread(fd, _TAIL_BYTES, max(0, info.st_size - _TAIL_BYTES)))
    except OSError:
        return None
    finally:
        os.close(fd)


def _cpu_seconds(process: "psutil.Process") -> float:
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def _describe(process: "psutil.Process", cores: float, until: float) -> ProcessEvidence:
    with process.oneshot():
        name, parent, state, threads = (
            process.name(),
            process.ppid(),
            process.status(),
            process.num_threads(),
        )
    command = " ".join(_list_or_empty(process.cmdline))
    return ProcessEvidence(
        pid=process.pid,
        parent=parent,
        name=clean(name.encode("utf-8", "surrogateescape")),
        command=clean(command.encode("utf-8", "surrogateescape")),
        state=str(state),
        channel=_wait_channel(process.pid),
        threads=threads,
        cores=cores,
        files=tuple(islice(_files(process), MAX_FILES)) if monotonic() < until else (),
        sockets=tuple(islice(_sockets(process), MAX_FILES)) if monotonic() < until else (),
        stack=_stack(process, until),
    )


def _wait_channel(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/wchan").read_text().strip()
    except OSError:
        return ""
    return "" if text in _NOT_WAITING else text


def _files(process: "psutil.Process") -> Iterator[str]:
    for file in _list_or_empty(process.open_files):
        yield readable(os.fsencode(file.path))


def _sockets(process: "psutil.Process") -> Iterator[str]:
    for each in _list_or_empty(process.net_connections):
        remote = f" to {each.raddr.ip}:{each.raddr.port}" if each.raddr else ""
        yield f"{each.laddr.ip}:{each.laddr.port}{remote} {each.status}"


def _list_or_empty(get: Callable[[], Any]) -> list[Any]:
    """Returns what psutil lists about a process; nothing if it has ended or may not be inspected."""
    import psutil

    try:
        return list(get())
    except (psutil.Error, OSError):
        return []


def _stack(process: "psutil.Process", until: float) -> str:
    """Returns the stacks of a Python process, where py-spy is installed and allowed; else nothing."""
    program = shutil.which("py-spy")
    left = min(_STACK_SECONDS, until - monotonic())
    if program is None or left <= 0 or not process.name().startswith("python"):
        return ""
    try:
        done = subprocess.run(
            [program, "dump", "--nonblocking", "--pid", str(process.pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=left,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[:_TAIL_BYTES].decode("utf-8", "replace") if done.returncode == 0 else ""


def _request_java_stacks(process: "psutil.Process") -> bool:
    """Requests a Java virtual machine to print its stacks; returns whether the signal was sent.

    It is only asked if it catches SIGQUIT, which ends any other program.
    """
    import psutil

    try:
        if process.name() != "java":
            return False
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        if not int(caught, 16) & 1 << (signal.SIGQUIT - 1):
            return False
        process.send_signal(signal.SIGQUIT)
    except (psutil.Error, OSError, StopIteration, ValueError):
        return False
    return True
