"""The process that owns a run, from its first event to its end."""

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from gator.core.dispatch.actions import HostAction
from gator.daemon.engine import Engine
from gator.daemon.fleet import Fleet
from gator.daemon.options import RunEnd, RunOptions
from gator.daemon.root.ending import RunEnding
from gator.daemon.root.facts import run_info
from gator.daemon.root.orphans import Orphans
from gator.daemon.serving import ServerTask
from gator.daemon.view import View
from gator.errors import GatorError, StoreError
from gator.plan import Plan
from gator.ports import Display
from gator.process.guard import Guard
from gator.process.reaper import Reaper
from gator.run_folder import ROOT_STORE, RunFolder
from gator.runtime.loop import in_thread
from gator.store import Store
from gator.v1 import attach_pb2, common_pb2

if TYPE_CHECKING:
    from gator.upload.supervisor import Uploader

ADOPTED_GRACE_SECONDS = 1.0
"""Time between TERM and KILL for orphans that are left when the run is over."""


class RootParts(Struct, frozen=True):
    """The parts of a root that `Root` drives or closes itself."""

    reaper: Reaper
    guard: Guard
    view: View
    store: Store
    ending: RunEnding
    engine: Engine[HostAction]
    orphans: Orphans
    fleet: Fleet | None
    """The daemons; None if all jobs run in this process."""


class Root:
    """Runs one plan in one folder, on one event loop. Only the store writes on a thread of its own."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        options: RunOptions,
        display: Display,
        parts: RootParts,
        *,
        serving: ServerTask,
        uploader: "Uploader | None",
    ) -> None:
        self._folder, self._plan, self._options = folder, plan, options
        self._display, self._parts = display, parts
        self._loop = asyncio.get_running_loop()
        self.serving = serving
        self.uploader = uploader
        """Uploads the run to a hub; None without one. The caller of `run` waits for its end afterwards."""

    async def run(self) -> RunEnd:
        """Runs the plan to its end. Raises GatorError if the record of the run cannot be kept."""
        parts = self._parts
        self._loop.set_exception_handler(parts.ending.on_loop_fault)
        parts.view.begin(run_info(self._folder, self._plan, self._options), parts.store)
        parts.engine.start()
        if self.uploader is not None:
            # The first jobs start before the upload.
            self._loop.call_soon(self.uploader.start)
        self.serving.start()
        try:
            result = await parts.ending.wait()
            if parts.fleet is not None:
                await parts.fleet.drain_all()
        except StoreError as error:
            if self._is_record_removed():
                raise GatorError(self._removed_record()) from error
            raise
        finally:
            await self.serving.end()
        await parts.orphans.end_adopted(ADOPTED_GRACE_SECONDS)
        if (self._folder.path / "artefacts").is_dir():
            # Few runs have artefacts.
            from gator.daemon.artefacts.discard import discard

            await in_thread(discard, self._folder.path)
        try:
            await parts.view.end()
        except StoreError:
            if not self._is_record_removed():
                raise
        fault = parts.ending.fault
        if self._is_record_removed():
            # Writing to the open file succeeds, so there is no other sign that it was removed.
            fault = fault or self._removed_record()
        await self._close()
        self._display.on_end(result)
        return RunEnd(result, fault)

    def stop(self, mode: attach_pb2.StopMode.ValueType, path: str = "", message: str = "") -> bool:
        """Stops a node and all below it, the whole run if `path` is empty. Returns whether it exists."""
        if not path or path == self._plan.root.ident:
            self._parts.view.stopping = True
            if self._parts.ending.is_known or mode == attach_pb2.STOP_MODE_NOW:
                self.serving.hurry()
        return self._parts.engine.stop(
            attach_pb2.Stop(
                path=path,
                mode=mode,
                reason=common_pb2.REASON_CANCELLED,
                message=message or "it was stopped on request",
            )
        )

    async def _close(self) -> None:
        parts = self._parts
        await in_thread(parts.store.close)
        if parts.fleet is not None and parts.fleet.daemons:
            await in_thread(self._folder.seal_stores)
        parts.guard.close()
        parts.reaper.close()
        self._folder.end_control()
        self._folder.unlock()

    def _is_record_removed(self) -> bool:
        return not (self._folder.stores / ROOT_STORE).exists()

    def _removed_record(self) -> str:
        return f"the record in {self._folder.path} was removed while the run went on"
