"""`gator hub import`: sends runs to a hub with the code that also feeds it from a live run.

Invariant: folders are only read, and all are found before anything is sent. A repeated import changes
nothing, because the hub says what it has.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from gator.cli import exit_codes, output
from gator.cli.json_output import print_json
from gator.cli.runs.api import close_dead
from gator.cli.runs.find import FoundRun, found_runs, is_run, unreadable
from gator.cli.runs.hub_choice import HubChoice, absent
from gator.errors import NotFoundError, UnauthenticatedError, UsageError
from gator.hub_access.address import REFUSED, HubAccess, is_lasting, unknown_token
from gator.upload.protocol import UploadState, UploadStatus
from gator.upload.stores import UploadedRun
from gator.upload.stream import Upload

AWAY_SECONDS = 5.0
"""Timeout in seconds for a hub that does not answer but was reached before, or may be slow."""
PROGRESS_SECONDS = 2.0
"""Time in seconds between two lines of progress."""
_POLL_SECONDS = 0.1


class _AwayError(Exception):
    """The hub did not answer for too long."""


class _Target(Struct):
    """The hub, and whether it was reached."""

    access: HubAccess
    reached: bool = False

    def check(self, why: str) -> None:
        """Raises UsageError if waiting cannot help for such a reason."""
        if self.reached or not is_lasting(why):
            return
        if why == REFUSED:
            raise UsageError(absent(self.access.address))
        raise UsageError(f"cannot query the hub at {self.access.address}: {why}")

    def refusal(self, why: str) -> str:
        """Returns the error for a run that the hub rejects, with the token that identifies the sender."""
        means = f"with the token of {self.access.source}" if self.access.source else "without a token"
        return f"the hub at {self.access.address} rejects it {means}: {why}"


def import_runs(paths: Sequence[Path], choice: HubChoice, *, follow: bool, json: bool) -> int:
    """Sends all runs, the oldest first, and prints the outcome for each; returns the exit code.

    Raises UsageError if the address is wrong, no process listens there, or a folder cannot be read,
    UnauthenticatedError if the hub rejects the token, and NotFoundError if a path has no run.
    """
    access = choice.access()
    runs: list[FoundRun] = []
    for path in paths:
        below = found_runs(path)
        if not below:
            raise NotFoundError(_why_none(path))
        runs += reversed(below)
    good, target = True, _Target(access)
    for run in runs:
        try:
            good &= asyncio.run(_Import(run, target, json=json).send(follow=follow))
        except _AwayError as error:
            output.warn(f"gator: the hub at {access.address} is unreachable: {error}: retry the import later")
            return exit_codes.FAULT
    return 0 if good else exit_codes.FAILED


def _why_none(path: Path) -> str:
    """Returns why a path has no run, and which path to use instead."""
    advice = "name the folder of a run, or one that contains runs"
    if not path.exists():
        return f"there is no folder {path}: {advice}"
    around = next((above for above in path.absolute().parents if is_run(above)), None)
    if around is not None:
        return f"{path} is inside a run: use the run's folder, {around}"
    if not path.is_dir():
        return f"{path} is not a folder: {advice}"
    inner = path / "tracking"
    if found_runs(inner):
        return f"there is no run in {path} itself: name {inner}"
    return f"there is no run in {path}: {advice}; gator run makes them in tracking/ where it is started"


class _Import:
    """The import of one run."""

    def __init__(self, run: FoundRun, target: _Target, *, json: bool) -> None:
        self._folder, self._target, self._json = run.folder, target, json
        # `latest` may name another run later.
        self._name = run.folder.path.resolve().name
        self._away = ""
        if not run.folder.is_live():
            close_dead(run)

    async def send(self, *, follow: bool) -> bool:
        """Sends the run; returns whether everything that can be read is in the hub.

        Raises _AwayError, UsageError, UnauthenticatedError.
        """
        with closing(UploadedRun(self._folder)) as stores:
            why = self._open_problem(stores)
            if why:
                return self._fail(why)
            upload = Upload(stores, lambda: self._target.access, self._on_status)
            task = asyncio.create_task(upload.run())
            try:
                await self._watch(task, upload, stores, follow=follow)
            finally:
                task.cancel()
                await asyncio.wait({task})
            return self._report(task.result(), stores)

    def _open_problem(self, stores: UploadedRun) -> str:
        """Opens the stores; returns why there is nothing to send, empty if there is."""
        try:
            if stores.open_new():
                return ""
        except OSError as error:
            return unreadable(self._folder.path, error)
        if stores.unreadable:
            why = next(iter(stores.unreadable.values()))
            return f"{why}: check its permissions and that the copy is complete"
        return f"{self._folder.path} contains no record: the run never started, or the copy is incomplete"

    async def _watch(
        self, task: "asyncio.Task[UploadStatus]", upload: Upload, stores: UploadedRun, *, follow: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        last_contact = last_report = loop.time()
        events = 0
        while not task.done():
            now = loop.time()
            if not follow or not self._folder.is_live():
                upload.end()
            if not self._away:
                last_contact = now
            else:
                self._target.check(self._away)
                if now - last_contact > AWAY_SECONDS:
                    raise _AwayError(self._away)
            if now - last_report > PROGRESS_SECONDS and stores.read_events > events:
                last_report, events = now, stores.read_events
                if not self._json:
                    output.echo(f"{self._name}: {_count(events)} so far")
            await asyncio.wait({task}, timeout=_POLL_SECONDS)

    def _on_status(self, status: UploadStatus) -> None:
        self._away = status.why if status.state is UploadState.AWAY else ""
        self._target.reached |= status.state is UploadState.CONNECTED

    def _report(self, status: UploadStatus, stores: UploadedRun) -> bool:
        if status.state is UploadState.REFUSED:
            return self._fail(self._target.refusal(status.why))
        if status.state is UploadState.UNAUTHENTICATED:
            access = self._target.access
            raise UnauthenticatedError(f"the hub at {access.address} {unknown_token(access.source)}")
        if status.state is not UploadState.DONE:
            return self._fail(status.why)
        events = stores.read_events
        if stores.unreadable:
            why = "; ".join(stores.unreadable.values())
            return self._fail(f"{why}: the rest was imported; import again once this can be read", events)
        if self._json:
            self._print_json(events, None)
        else:
            output.echo(f"{self._name}: {_count(events) if events else 'nothing new'}")
        return True

    def _fail(self, why: str, events: int = 0) -> bool:
        if self._json:
            self._print_json(events, why)
        else:
            output.warn(f"{self._name}: {why}")
        return False

    def _print_json(self, events: int, fault: str | None) -> None:
        print_json({"folder": str(self._folder.path.resolve()), "events": events, "fault": fault})


def _count(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"
