"""The root's side of an upload: sends the parameters to its process, follows its status and ends it.

Invariant: the upload never affects the run, and only `finish` waits, for a bounded time.
"""

import asyncio
import contextlib
import os
import shlex
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Protocol

from gator.errors import reason_of
from gator.run_folder import RunFolder
from gator.runtime.loop import in_thread
from gator.upload.availability import HubAvailability
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.upload.protocol import END_LINE, UploadParameters, UploadState, UploadStatus

ABSENT_SECONDS = 1.0
"""Timeout in seconds, at the end of a run, of the dial to a hub that has never answered."""

_KILL_SECONDS = 1.0
"""Timeout in seconds for the end of a killed process."""


class Notify(Protocol):
    """Shows a message to the user of the run."""

    def __call__(self, text: str, *, warning: bool = False) -> None:
        """Shows the message."""
        ...


class _State(Enum):
    WAITING = auto()
    """Not started yet."""
    RUNNING = auto()
    OVER = auto()
    """The upload has ended, and the hub does not have everything."""
    DONE = auto()


class Uploader:
    """One upload; `process` waits for its parameters already, else `start` starts one."""

    def __init__(
        self,
        hub: UploadOptions,
        folder: RunFolder,
        environment: Mapping[str, str],
        notify: Notify,
        process: UploadProcess | None = None,
        availability: HubAvailability | None = None,
    ) -> None:
        self._hub, self._folder, self._environment, self._notify = hub, folder, environment, notify
        self._log = folder.daemons / "upload.log"
        self._loop = asyncio.get_running_loop()
        self._state = _State.WAITING
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._process = process
        self._pipes: _Pipes | None = None
        self._availability = availability or HubAvailability()
        self._report_timer: asyncio.TimerHandle | None = None
        """Timer of a report that was too early."""
        self._has_answered = False
        """Whether the hub has ever answered."""
        self._has_missed = False
        """Whether a dial was not answered."""
        self._finishing = False
        self._late_reason = ""
        """Why the upload is incomplete, if that became known after the end of the run."""

    def start(self) -> None:
        """Sends the process its parameters; if it cannot be started, the user gets a warning."""
        if self._state is not _State.WAITING:
            return
        self._state = _State.RUNNING
        try:
            process = self._process or UploadProcess(self._environment)
        except OSError as error:
            self._on_failed(f"its process cannot be started: {reason_of(error)}")
            self.give_up()
            return
        self._pipes = _Pipes(process, self._on_line, self._on_gone)
        parameters = UploadParameters(str(self._folder.path), str(self._log), self._hub.address, self._hub.ca)
        self._pipes.send(parameters.encode())

    def give_up(self) -> None:
        """Makes `finish` return now."""
        if not self._gone.done():
            self._gone.set_result(None)

    async def finish(self) -> None:
        """Waits for the rest of the upload after the end of the run, and reports what is missing.

        Afterwards the process has ended, and the stores have no write-ahead log.
        """
        self.start()
        self._finishing = True
        if self._pipes is not None:
            self._pipes.send(END_LINE)
            self._limit_wait()
            await asyncio.wait({self._gone}, timeout=self._hub.wait_seconds)
            self._report_later(None)
            if self._state is _State.RUNNING:
                # Its end is intended and not reported.
                self._state = _State.OVER
            await self._pipes.close()
        if self._state is not _State.DONE:
            why = f" ({self._late_reason})" if self._late_reason else ""
            self._notify(
                f"not everything reached the hub{why}: bring the rest in later with: {self.import_command}",
                warning=True,
            )
        # This is not possible while a process reads them.
        await in_thread(self._folder.seal_stores)

    @property
    def import_command(self) -> str:
        """The command that uploads the rest."""
        ca = ["--hub-ca", self._hub.ca] if self._hub.ca else []
        return shlex.join(["gator", "hub", "import", str(self._folder.path), "--hub", self._hub.address, *ca])

    # -- from the process

    def _on_line(self, line: bytes) -> None:
        try:
            status = UploadStatus.decode(line)
        except (ValueError, KeyError, TypeError):
            # Not from Gator: a site module of this Python prints at each start.
            return
        match status.state:
            case UploadState.CONNECTED:
                self._has_answered, self._late_reason = True, ""
                self._report_later(None)
                if self._availability.on_back():
                    self._notify(f"the hub at {self._hub.address} is back")
            case UploadState.AWAY:
                self._has_missed = True
                self._on_away(status.why)
                if status.after_end:
                    self._give_up_if_unanswered()
                self._limit_wait()
            case UploadState.REFUSED | UploadState.UNAUTHENTICATED:
                self._on_failed(f"it rejects the run: {status.why}")
            case UploadState.FAILED:
                self._on_failed(status.why)
            case UploadState.DONE:
                self._state = _State.DONE

    def _limit_wait(self) -> None:
        """Limits the wait at the end of the run for a hub that has never answered."""
        if self._finishing and self._has_missed:
            self._loop.call_later(ABSENT_SECONDS, self._give_up_if_unanswered)

    def _give_up_if_unanswered(self) -> None:
        if not self._has_answered:
            self.give_up()

    def _on_away(self, why: str) -> None:
        if self._state is not _State.RUNNING:
            return
        if self._finishing:
            if not self._availability.is_reported:
                self._late_reason = why
        elif self._availability.on_away(self._loop.time()):
            self._notify(
                f"the hub at {self._hub.address} is unreachable ({why}): the run continues", warning=True
            )
        elif self._availability.is_unreported:
            self._report_later(why)

    def _report_later(self, why: str | None) -> None:
        """Sets the timer that reports an absence; None cancels it."""
        if self._report_timer is not None:
            self._report_timer.cancel()
        self._report_timer = (
            self._loop.call_at(self._availability.due, self._on_away, why) if why is not None else None
        )

    def _on_gone(self) -> None:
        self.give_up()
        if self._state is _State.RUNNING:
            self._on_failed(f"its process ended: see {self._log}" if self._has_log() else "its process ended")

    def _has_log(self) -> bool:
        """Returns whether the log has errors of the process, after its early stderr was added."""
        errors = self._pipes.early_errors() if self._pipes is not None else b""
        with contextlib.suppress(OSError):
            if errors:
                with self._log.open("ab") as log:
                    log.write(errors)
        return self._log.exists()

    def _on_failed(self, why: str) -> None:
        self._state = _State.OVER
        if self._finishing:
            self._late_reason = why
            return
        self._notify(
            f"the hub at {self._hub.address} gets no more of this run ({why}): the run continues",
            warning=True,
        )


class _Pipes:
    """The pipes to and from the process, until it ends."""

    def __init__(
        self, process: UploadProcess, on_line: Callable[[bytes], None], on_gone: Callable[[], None]
    ) -> None:
        """Takes ownership of `process`."""
        process.take()
        self._loop = asyncio.get_running_loop()
        self._process, self._on_line, self._on_gone = process, on_line, on_gone
        self._rest = b""
        os.set_blocking(process.status_read_fd, False)
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(process.status_read_fd, self._read)
        self._loop.add_reader(process.pidfd, self._on_exit)

    def send(self, line: bytes) -> None:
        """Sends a line; if the process is gone, the other pipe reports that."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.parameters_write_fd, line)

    def early_errors(self) -> bytes:
        """Returns its stderr from before it had its parameters."""
        return self._process.early_errors()

    async def close(self) -> None:
        """Ends the process and closes the pipes."""
        if not self._exited.done():
            self._process.kill()
            # It may hang in the kernel, on an unreachable file system.
            await asyncio.wait({self._exited}, timeout=_KILL_SECONDS)
        self._loop.remove_reader(self._process.status_read_fd)
        self._loop.remove_reader(self._process.pidfd)
        self._process.close()

    def _read(self) -> None:
        """Reads its status lines."""
        try:
            data = os.read(self._process.status_read_fd, 65_536)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
        if not data:
            self._loop.remove_reader(self._process.status_read_fd)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._process.pidfd)
        self._read()
        self._exited.set_result(None)
        self._on_gone()
