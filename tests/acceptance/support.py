"""Runs the command as a user does: in its own process and folder, with a deadline."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from gator.errors import StoreError
from gator.run_folder import RunFolder
from gator.store import RunStores, StoreReader
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

T = TypeVar("T")
DEADLINE_S = 60.0
"""Timeout of every wait in seconds. Even on a busy machine a test that takes longer hangs."""
MARK = "ACCEPTANCE_TEST"
"""Variable in the environment of every process that a test starts."""


def until(condition: Callable[[], T], what: str, seconds: float = DEADLINE_S) -> T:
    """Polls a condition and returns its first true value. Fails after the deadline."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.01)
    return found


@dataclass(frozen=True, slots=True)
class Proc:
    """A live process."""

    pid: int
    parent: int
    command: str

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def processes(variable: str, value: str) -> list[Proc]:
    """Returns the live processes with a variable in their environment, without using code under test."""
    wanted = f"{variable}={value}".encode()
    found: list[Proc] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if stat[0] in "ZX" or wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found.append(Proc(int(entry.name), int(stat[1]), command.strip()))
    return found


@dataclass(frozen=True, slots=True)
class Done:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    def expect(self, code: int) -> "Done":
        """Returns itself. Fails unless the command ended with this exit code and without a traceback."""
        assert self.code == code, f"exit code {self.code}, not {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.out + self.err, self.out + self.err
        return self


class Running:
    """A running command."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: IO[bytes], err: IO[bytes]) -> None:
        self._process, self._out, self._err = process, out, err
        self.pid = process.pid

    def wait(self, seconds: float = DEADLINE_S) -> Done:
        """Waits for its end. Fails after the deadline."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it hangs\n{self.text()}") from None
        self._out.seek(0)
        self._err.seek(0)
        done = Done(
            code, self._out.read().decode("utf-8", "replace"), self._err.read().decode("utf-8", "replace")
        )
        self._out.close()
        self._err.close()
        return done

    def text(self) -> str:
        """Returns its output so far."""
        return "".join(
            os.pread(file.fileno(), 1 << 20, 0).decode("utf-8", "replace") for file in (self._out, self._err)
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kills it with SIGKILL and waits for its end."""
        self._process.kill()
        self.wait()

    def close(self) -> None:
        """Closes its files, and kills it if it is alive."""
        if not self._out.closed:
            self.kill()


@dataclass(slots=True)
class Gator:
    """The command in its own folder."""

    root: Path
    mark: str
    env: dict[str, str] = field(default_factory=dict[str, str])
    running: list[Running] = field(default_factory=list[Running])

    def spec(self, text: str, name: str = "spec.yaml") -> str:
        """Writes a spec. Returns its name."""
        (self.root / name).write_text(text)
        return name

    def start(
        self,
        *args: str | int,
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        python: Sequence[str] = (sys.executable,),
        terminal: int | None = None,
    ) -> Running:
        """Starts `gator ARGS`.

        `prefix` is a command that starts it. `terminal` is a descriptor of its controlling terminal, which it
        uses for input and output.
        """
        (self.root / "printed").mkdir(exist_ok=True)
        number = len(self.running)
        out = (self.root / "printed" / f"{number}.out").open("w+b")
        err = (self.root / "printed" / f"{number}.err").open("w+b")
        process = subprocess.Popen(
            [*prefix, *python, "-m", "gator", *map(str, args)],
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=out if terminal is None else terminal,
            stderr=err if terminal is None else terminal,
            cwd=self.root,
            env={**self.env, **(env or {})},
            start_new_session=terminal is not None,
            preexec_fn=None if terminal is None else _take_terminal,
        )
        running = Running(process, out, err)
        self.running.append(running)
        return running

    def __call__(
        self, *args: str | int, seconds: float = DEADLINE_S, env: Mapping[str, str] | None = None
    ) -> Done:
        """Runs `gator ARGS` to its end."""
        return self.start(*args, env=env).wait(seconds)

    # -- the record

    @property
    def folder(self) -> Path:
        """The folder of the newest run."""
        return (self.root / "tracking" / "latest").resolve()

    def events(
        self, *kinds: attach_pb2.EventKind.ValueType, folder: Path | None = None
    ) -> list[event_pb2.Event]:
        """Returns the events in all stores of the newest run, store by store."""
        return [event for part in self.by_store(*kinds, folder=folder).values() for event in part]

    def by_store(
        self, *kinds: attach_pb2.EventKind.ValueType, folder: Path | None = None
    ) -> dict[str, list[event_pb2.Event]]:
        """Returns the same by the name of the store."""
        found: dict[str, list[event_pb2.Event]] = {}
        for path in sorted(((folder or self.folder) / "stores").glob("*.db")):
            try:
                reader = StoreReader.open(path)
            except StoreError:
                continue
            with reader:
                wanted = attach_pb2.EventFilter(kinds=kinds)
                found[path.stem] = [event for part in reader.slices(wanted) for event in part.events]
        return found

    def nodes(self, folder: Path | None = None) -> dict[str, query_pb2.Node]:
        """Returns the nodes of a run, by default the newest, by path, without writing anything."""
        run = RunFolder(folder or self.folder)
        with FolderReader.open(run.path, live=run.is_live()) as reader:
            root = reader.run().ident
            request = qs.ListNodesRequest(path=root, scope=qs.SCOPE_SUBTREE, order=qs.NODE_ORDER_SPEC)
            return {node.path: node for _, node in reader.nodes(request, None, 100_000).nodes}

    def output(self, path: str, attempt: int = 1, folder: Path | None = None) -> bytes:
        """Returns the stored output of a job."""
        try:
            with RunStores.open(folder or self.folder) as reader:
                return b"".join(reader.output(path, attempt))
        except StoreError:
            # The run has just begun.
            return b""

    def check_results(self, folder: Path | None = None) -> None:
        """Checks that each declared node has exactly one Result, and that no other node has one."""
        declared = {event.path for event in self.events(attach_pb2.EVENT_KIND_DECLARED, folder=folder)}
        results = Counter(event.path for event in self.events(attach_pb2.EVENT_KIND_RESULT, folder=folder))
        assert set(results) == declared
        assert set(results.values()) <= {1}, results

    # -- its processes

    def processes(self) -> list[Proc]:
        """Returns all live processes of this test."""
        return processes(MARK, self.mark)

    def jobs(self, word: str) -> list[Proc]:
        """Returns the live processes whose command line contains a word, without those of Gator."""
        return [one for one in self.processes() if word in one.command and "gator" not in one.command]

    def daemons(self) -> list[Proc]:
        return [one for one in self.processes() if "gator.daemon" in one.command]

    def guards(self, parent: int) -> list[Proc]:
        return [one for one in self.processes() if " guard " in one.command and one.parent == parent]

    def wait_gone(self, seconds: float = DEADLINE_S) -> None:
        """Waits until no process of this test is alive."""
        until(lambda: not self.processes(), f"the end of {self.processes()}", seconds)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
