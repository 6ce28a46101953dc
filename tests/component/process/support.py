"""A small daemon for tests: real processes behind a real reaper."""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gator.process.ownership.criteria import Ownership
from gator.process.pipes import Pipe, Pipes
from gator.process.procfs import ProcessInfo
from gator.process.reaper import Reaper
from gator.process.spawn import Process, Spawner, SpawnRequest
from gator.process.terminate import Terminator

DEADLINE_S = 20.0


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds; fail after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"never came true: {what}"
        await asyncio.sleep(0.005)


async def leftovers(terminator: Terminator, ownership: Ownership) -> list[ProcessInfo]:
    """Return the remaining processes of a job whose leader was reaped."""
    return await terminator.find(ownership) if terminator.may_live(ownership) else []


def marked(run: str) -> list[int]:
    """The pids of living processes with GATOR_RUN=run, found without any code under test."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
            if alive and f"GATOR_RUN={run}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def program(pid: int) -> str:
    """The name of the program that a process executes; empty while it changes or once it has ended."""
    try:
        return Path(os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])).name
    except OSError:
        return ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass(slots=True)
class Job:
    """A started job and its output so far."""

    process: Process
    pipes: list[Pipe]
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    open_streams: int = 0
    exit_code: int | None = None
    usage: resource.struct_rusage | None = None
    ownership: Ownership | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def on_eof(self) -> None:
        self.open_streams -= 1

    async def reaped(self) -> int:
        await until(lambda: self.exit_code is not None, f"exit of {self.pid}")
        assert self.exit_code is not None
        return self.exit_code

    async def ended(self) -> int:
        await until(lambda: self.open_streams == 0, f"end of file of {self.pid}")
        return await self.reaped()

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()


@dataclass(slots=True)
class Host:
    """A small daemon: a loop with a reaper, pipes and a spawner."""

    run: str
    folder: Path
    reaper: Reaper
    pipes: Pipes
    spawner: Spawner
    strangers: list[int]
    jobs: list[Job] = field(default_factory=list[Job])

    @property
    def marks(self) -> dict[str, str]:
        return {"GATOR_RUN": self.run, "GATOR_DAEMON": "d1", "GATOR_PATH": "top/job", "GATOR_ATTEMPT": "1"}

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self.marks, **(more or {})}

    def start(
        self,
        *argv: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        merge_stderr: bool = False,
        tty: bool = False,
        nice: int = 0,
        ulimit: Mapping[str, int] | None = None,
        birthmark: int = 0,
    ) -> Job:
        command = SpawnRequest(
            argv,
            self.environment(env),
            str(cwd or self.folder),
            merge_stderr,
            tty,
            nice,
            ulimit or {},
            birthmark,
        )
        process = self.spawner.spawn(command)
        job = Job(process, [])
        self.jobs.append(job)
        for fd, kept in ((process.stdout_fd, job.out), (process.stderr_fd, job.err)):
            if fd is not None:
                job.open_streams += 1
                job.pipes.append(self.pipes.open(fd, kept.extend, job.on_eof))

        def on_exit(status: int, usage: resource.struct_rusage) -> None:
            job.exit_code = os.waitstatus_to_exitcode(status)
            job.usage = usage

        self.reaper.watch(process.pid, on_exit)
        return job

    def shell(self, script: str, **env: str) -> Job:
        return self.start("/bin/bash", "-c", script, env=env)
