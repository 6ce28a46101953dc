"""A daemon: a store, an uplink to its parent, and the attempts or tiers that it hosts.

Invariant: it exits when its parent is gone; its guard then kills the processes that it started.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from gator import __version__
from gator.daemon.hosting import Hosting
from gator.errors import StoreError
from gator.link.uplink import Uplink
from gator.process.guard import Guard
from gator.process.host import prepare_to_host_jobs
from gator.process.pipes import watch_eof
from gator.process.reaper import Reaper
from gator.runtime import diagnostics
from gator.runtime.loop import Poster, in_thread
from gator.runtime.text_encoding import launch_variables
from gator.scheduler.request import DaemonParameters
from gator.store import Store
from gator.v1 import attach_pb2

EXIT_FAULT = 71
EXIT_ORPHANED = 70
"""Exit code of a daemon whose parent is gone (EX_SOFTWARE of sysexits.h)."""


class Service:
    """Runs one daemon on the running event loop."""

    def __init__(self, parameters: DaemonParameters) -> None:
        """Prepares this process and creates the store. Raises DiskFullError."""
        self._parameters = parameters
        self._environment = launch_variables()
        loop = _prepare(parameters, self._environment)
        self._reaper = Reaper(loop)
        self._guard = Guard(parameters.run, parameters.daemon)
        self._store = Store.create(
            Path(parameters.folder) / "stores" / f"{parameters.daemon}.db",
            store_id=parameters.store,
            run=parameters.run,
            daemon=parameters.daemon,
            host=os.uname().nodename,
            catalogue=False,
            post=Poster(loop),
            on_commit=self._on_commit,
            on_disk_full=self._on_disk_full,
            on_failed=_on_store_failed,
        )
        # The parent begins to listen while its daemons start.
        self._uplink = Uplink(
            parameters.parent, _hello(parameters), parameters.token, self._store, self, patient=True
        )
        self._hosting: Hosting | None = None
        """Made when the parent accepts this daemon."""
        self._lost: Exception | None = None

    async def run(self) -> int:
        """Serves until it is drained. Returns the exit code."""
        await self._uplink.run()
        if self._lost is not None:
            sys.stderr.write(f"the parent is gone: {self._lost}\n")
            return EXIT_ORPHANED
        assert self._hosting is not None, "a stream ends without an error only after its Welcome"
        await self._hosting.stop_serving()
        await in_thread(self._store.close)
        ended = await self._hosting.end_adopted()
        if ended:
            sys.stderr.write(f"ended orphan processes that belong to no known job: {ended}\n")
        self._guard.close()
        return 0

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        """Hosts attempts from now on, because the parent accepted this daemon."""
        self._hosting = Hosting(
            self._parameters, welcome.context, self._store, self._reaper, self._uplink, self._environment
        )

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Carries out a message of the parent."""
        assert self._hosting is not None, "messages follow the Welcome"
        self._hosting.on_message(message)

    def on_lost(self, error: Exception) -> None:
        """Records the error that cut the stream to the parent."""
        self._lost = error

    def _on_commit(self) -> None:
        self._uplink.on_commit()

    def _on_disk_full(self) -> None:
        position = attach_pb2.StorePosition(store=self._parameters.store, seq=self._store.committed)
        self._uplink.send(attach_pb2.AttachRequest(tip=attach_pb2.Tip(position=position, disk_full=True)))


def _prepare(parameters: DaemonParameters, environment: dict[str, str]) -> asyncio.AbstractEventLoop:
    """Prepares this process to host processes of jobs, and to exit when its parent is gone."""
    prepare_to_host_jobs()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_fault)
    diagnostics.start(environment, Path(parameters.folder), parameters.daemon)
    watch_eof(loop, 0, _on_orphaned)
    return loop


def _hello(parameters: DaemonParameters) -> attach_pb2.Hello:
    return attach_pb2.Hello(
        role=attach_pb2.ROLE_TIER if parameters.role == "tier" else attach_pb2.ROLE_WRAPPERS,
        id=parameters.daemon,
        host=os.uname().nodename,
        pid=os.getpid(),
        store=parameters.store,
        version=__version__,
        run=parameters.run,
    )


def _on_orphaned() -> None:
    # The record of this process is not read any more. Its guard kills its jobs.
    os._exit(EXIT_ORPHANED)


def _on_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Exits because a callback raised, so that the parent counts what is lost."""
    loop.default_exception_handler(context)
    os._exit(EXIT_FAULT)


def _on_store_failed(error: StoreError) -> None:
    """Exits because nothing can be recorded any more."""
    sys.stderr.write(f"{error}\n")
    os._exit(EXIT_FAULT)
