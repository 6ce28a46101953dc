"""Brings folders of runs into a hub, by the same code that feeds it beside a live run.

Rule: folders are only read. The hub knows what it has, so doing it twice changes nothing.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gator.cli import faults, output
from gator.cli.selector import FoundRun, found_runs
from gator.cli.selector_hub import HubChoice
from gator.cli.selector_open import close_dead
from gator.daemon.upload_order import UploadState, UploadStatus
from gator.daemon.upload_stores import RunStores
from gator.daemon.upload_stream import Upload
from gator.errors import NotFoundError
from gator.hub_access import HubAccess

AWAY_SECONDS = 5.0
"""So long a hub that does not answer is tried."""
PROGRESS_SECONDS = 2.0
_LOOK_SECONDS = 0.1


class _AwayError(Exception):
    """The hub did not answer for too long."""


def import_runs(paths: Sequence[Path], choice: HubChoice, *, follow: bool) -> int:
    """Bring all runs in, the oldest first; the exit code. Says for each run what became of it.

    Raises UsageError when the hub cannot be named, NotFoundError when there is no run in a path.
    """
    access = choice.access()
    runs: list[FoundRun] = []
    for path in paths:
        found = found_runs(path)
        if not found:
            raise NotFoundError(f"there is no run in {path}: name the folder of a run, or one that has such")
        runs += reversed(found)
    good = True
    for run in runs:
        try:
            good &= asyncio.run(_Import(run, access).bring(follow=follow))
        except _AwayError as error:
            sys.stderr.write(
                f"gator: the hub at {access.address} is away: {error}; import again when it is back\n"
            )
            return faults.FAULT
    return 0 if good else faults.FAILED


class _Import:
    """One run on its way."""

    def __init__(self, run: FoundRun, access: HubAccess) -> None:
        self._folder, self._access = run.folder, access
        # `latest` would name another one tomorrow.
        self._name = run.folder.path.resolve().name
        self._away = ""
        if not run.folder.is_live():
            close_dead(run)

    async def bring(self, *, follow: bool) -> bool:
        """Bring it in; whether all of it that can be read is there. Raises _AwayError."""
        with closing(RunStores(self._folder)) as stores:
            if not stores.look():
                return self._fail(next(iter(stores.unreadable.values()), "it has no record"))
            upload = Upload(stores, lambda: self._access, self._hear)
            going = asyncio.create_task(upload.run())
            try:
                await self._watch(going, upload, stores, follow=follow)
            finally:
                going.cancel()
                await asyncio.wait({going})
            return self._sum_up(going.result(), stores)

    async def _watch(
        self, going: "asyncio.Task[UploadStatus]", upload: Upload, stores: RunStores, *, follow: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        reached = told = loop.time()
        events = 0
        while not going.done():
            now = loop.time()
            if not follow or not self._folder.is_live():
                upload.end()
            if not self._away:
                reached = now
            elif now - reached > AWAY_SECONDS:
                raise _AwayError(self._away)
            if now - told > PROGRESS_SECONDS and stores.read_events > events:
                told, events = now, stores.read_events
                output.say(f"{self._name}: {events} events so far")
            await asyncio.wait({going}, timeout=_LOOK_SECONDS)

    def _hear(self, status: UploadStatus) -> None:
        self._away = status.why if status.state is UploadState.AWAY else ""

    def _sum_up(self, status: UploadStatus, stores: RunStores) -> bool:
        if status.state is not UploadState.DONE:
            return self._fail(status.why)
        if stores.unreadable:
            return self._fail("; ".join(stores.unreadable.values()))
        events = stores.read_events
        output.say(f"{self._name}: {events} events" if events else f"{self._name}: nothing new")
        return True

    def _fail(self, why: str) -> bool:
        sys.stderr.write(f"{self._name}: {why}\n")
        return False
