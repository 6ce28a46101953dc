"""The root's side of an upload: starts the process that feeds the hub, hears how it gets on, sees it off.

The rule: nothing here decides over the run, and only `finish` takes time, which has a bound.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from gator.daemon.folder import RunFolder
from gator.daemon.options import HubOptions
from gator.daemon.upload_order import END_LINE, UploadOrder, UploadState, UploadStatus
from gator.process.belongings import spare

AWAY_AGAIN_SECONDS = 60.0
"""A hub that comes and goes is told of at most so often."""
ABSENT_SECONDS = 0.5
"""At the end of a run a hub that never answered is waited for no longer than this."""

_KILL_SECONDS = 1.0
"""So long the end of a killed process is waited for."""


class Notify(Protocol):
    """Says something to the user of the run."""

    def __call__(self, text: str, *, warning: bool = False) -> None:
        """Say it."""
        ...


class _State(Enum):
    WAITING = auto()
    """Not started yet."""
    GOING = auto()
    AWAY = auto()
    """The user was told that the hub is away."""
    OVER = auto()
    """Nothing more will come, and not all is in the hub."""
    DONE = auto()


class Uploader:
    """One upload process; may be made before it is needed."""

    def __init__(
        self, hub: HubOptions, folder: RunFolder, environment: Mapping[str, str], notify: Notify
    ) -> None:
        self._hub, self._folder, self._environment, self._notify = hub, folder, environment, notify
        self._loop = asyncio.get_running_loop()
        self._state = _State.WAITING
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._process: _Process | None = None
        self._told_away = -AWAY_AGAIN_SECONDS
        self._met = False
        """Whether the hub ever answered."""
        self._finishing = False

    def start(self) -> None:
        """Start the process, if it was not; where that fails the user is told, and nothing else happens."""
        if self._state is not _State.WAITING:
            return
        self._state = _State.GOING
        order = UploadOrder(str(self._folder.path), self._hub.address, self._hub.ca)
        try:
            self._process = _Process(
                order,
                self._folder.daemons / "upload.log",
                self._environment,
                self._on_line,
                self._on_gone,
            )
        except OSError as error:
            self._lose(f"its process cannot be started: {error.strerror}")
            self.let_go()

    def let_go(self) -> None:
        """Wait no longer in `finish`."""
        if not self._gone.done():
            self._gone.set_result(None)

    async def finish(self) -> None:
        """The run is over: wait for the rest, for as long as its user allows, and say what is missing.

        Afterwards the process is gone, and the stores are in their lasting form.
        """
        self.start()
        self._finishing = True
        if self._process is not None:
            self._process.end()
            if self._state is _State.AWAY:
                self._hurry()
            await asyncio.wait({self._gone}, timeout=self._hub.wait_seconds)
            if self._state in (_State.GOING, _State.AWAY):
                # That it is ended now is nothing to tell.
                self._state = _State.OVER
            await self._process.close()
        if self._state is not _State.DONE:
            self._notify(f"not everything reached the hub: {self.import_command}", warning=True)
        # As long as somebody read them that was not possible.
        await asyncio.to_thread(self._folder.seal_stores)

    @property
    def import_command(self) -> str:
        """What brings the rest into the hub."""
        ca = ["--hub-ca", self._hub.ca] if self._hub.ca else []
        return shlex.join(["gator", "hub", "import", str(self._folder.path), "--hub", self._hub.address, *ca])

    # -- from the process

    def _on_line(self, line: bytes) -> None:
        try:
            status = UploadStatus.decode(line)
        except (ValueError, KeyError, TypeError):
            # Not from Gator: something that runs at every start of Python here prints.
            return
        match status.state:
            case UploadState.CONNECTED:
                self._met = True
                if self._state is _State.AWAY:
                    self._state = _State.GOING
                    self._notify(f"the hub at {self._hub.address} is back")
            case UploadState.AWAY:
                self._on_away(status.why)
                self._hurry()
            case UploadState.REFUSED:
                self._lose(f"it refuses the run: {status.why}")
            case UploadState.FAILED:
                self._lose(status.why)
            case UploadState.DONE:
                self._state = _State.DONE

    def _hurry(self) -> None:
        """A hub that was there may be back in a moment; one that never was is not worth the wait."""
        if self._finishing and not self._met:
            self._loop.call_later(min(ABSENT_SECONDS, self._hub.wait_seconds), self.let_go)

    def _on_away(self, why: str) -> None:
        now = self._loop.time()
        if self._state is _State.GOING and now - self._told_away >= AWAY_AGAIN_SECONDS:
            self._state, self._told_away = _State.AWAY, now
            self._notify(f"the hub at {self._hub.address} is away ({why}): the run goes on", warning=True)

    def _on_gone(self) -> None:
        self.let_go()
        if self._state in (_State.GOING, _State.AWAY):
            self._lose(f"its process ended: see {self._folder.daemons / 'upload.log'}")

    def _lose(self, why: str) -> None:
        self._state = _State.OVER
        self._notify(
            f"the hub at {self._hub.address} gets no more of this run ({why}): the run goes on", warning=True
        )


class _Process:
    """The process and its two pipes; raises OSError where it cannot be had."""

    def __init__(
        self,
        order: UploadOrder,
        log: Path,
        environment: Mapping[str, str],
        on_line: Callable[[bytes], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_line, self._on_gone = on_line, on_gone
        self._rest = b""
        self._pid, self._stdin, self._stdout = _spawn(log, environment)
        # It is no job's, whatever else is a child of this process.
        spare(self._pid)
        # Whoever reaps it, this names no other process.
        self._pidfd = os.pidfd_open(self._pid)
        os.write(self._stdin, order.encode())
        os.set_blocking(self._stdout, False)
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._stdout, self._read)
        self._loop.add_reader(self._pidfd, self._on_exit)

    def end(self) -> None:
        """Tell it that the run is over."""
        try:
            os.write(self._stdin, END_LINE)
        except BrokenPipeError:
            # It is gone already, which the other pipe tells.
            return

    async def close(self) -> None:
        """End it, and let the pipes go."""
        if not self._exited.done():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            # It may hang in the kernel, on a file system that is away.
            await asyncio.wait({self._exited}, timeout=_KILL_SECONDS)
        self._loop.remove_reader(self._stdout)
        self._loop.remove_reader(self._pidfd)
        for descriptor in (self._stdin, self._stdout, self._pidfd):
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait

    def _read(self) -> None:
        """Take what it has said."""
        try:
            data = os.read(self._stdout, 65_536)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
        if not data:
            self._loop.remove_reader(self._stdout)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._read()
        self._exited.set_result(None)
        self._on_gone()


def _spawn(log: Path, environment: Mapping[str, str]) -> tuple[int, int, int]:
    """Start the process; its pid, its stdin and its stdout. Raises OSError."""
    opened: list[int] = []
    try:
        stdin, order = os.pipe()
        opened += (stdin, order)
        status, stdout = os.pipe()
        opened += (status, stdout)
        err = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        opened.append(err)
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "gator.daemon.upload"],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, stdout, 1),
                (os.POSIX_SPAWN_DUP2, err, 2),
            ],
            # A Ctrl-C of the terminal is for the root alone.
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM),
        )
    except OSError:
        for descriptor in opened:
            os.close(descriptor)
        raise
    for descriptor in (stdin, stdout, err):
        os.close(descriptor)
    return pid, order, status
