"""A daemon: a store, an uplink to its parent, and the attempts or tiers that it hosts.

Invariant: it exits when its parent is gone; its guard then kills the processes that it started.
"""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gator import __version__
from gator.clock import SystemClock
from gator.core.tokens import Audience, Tokens
from gator.daemon.attempts.host import WrapperContext, WrapperHost
from gator.daemon.serving import ClientHandler
from gator.errors import StoreError
from gator.link.server import ATTACH, parent_service
from gator.link.uplink import Uplink
from gator.loop import Poster, in_thread
from gator.process.guard import Guard
from gator.process.host import become_subreaper, close_inherited
from gator.process.ownership.select import name_all
from gator.process.pipes import watch_eof
from gator.process.reaper import Reaper
from gator.rpc.address import socket_address
from gator.rpc.server import serve
from gator.runtime import diagnostics
from gator.runtime.text_encoding import launch_variables
from gator.scheduler.request import DaemonOrder
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2

if TYPE_CHECKING:
    from gator.daemon.tiers.service import TierService

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread yields the interpreter: the store's writer needs it often and briefly."""
ADOPTED_GRACE_SECONDS = 1.0
"""Time between TERM and KILL for orphans that are left when a daemon has no more to do."""
EXIT_FAULT = 71
EXIT_ORPHANED = 70
"""Exit code of a daemon whose parent is gone (EX_SOFTWARE of sysexits.h)."""


class Service:
    """Runs one daemon on one event loop."""

    def __init__(self, order: DaemonOrder) -> None:
        self._order = order
        self._tokens = Tokens(bytes.fromhex(order.key))
        self._environment = launch_variables()
        self._loop = asyncio.get_running_loop()
        self._tiers: TierService | None = None
        self._lost: Exception | None = None

    async def run(self) -> int:
        """Serves until it is drained. Returns the exit code."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        close_inherited()
        become_subreaper()
        order = self._order
        self._loop.set_exception_handler(_on_fault)
        diagnostics.start(self._environment, Path(order.folder), order.daemon)
        watch_eof(self._loop, 0, self._on_orphaned)
        self._reaper = Reaper(self._loop)
        guard = Guard(order.run, order.daemon)
        self._store = Store.create(
            Path(order.folder) / "stores" / f"{order.daemon}.db",
            store_id=order.store,
            run=order.run,
            daemon=order.daemon,
            host=os.uname().nodename,
            catalogue=False,
            post=Poster(self._loop),
            on_commit=self._on_commit,
            on_disk_full=self._on_disk_full,
            on_failed=_on_store_failed,
        )
        # The parent begins to listen while its daemons start.
        self._uplink = Uplink(order.parent, self._hello(), order.token, self._store, self, patient=True)
        await self._uplink.run()
        if self._lost is not None:
            sys.stderr.write(f"the parent is gone: {self._lost}\n")
            return EXIT_ORPHANED
        await self._server.stop()
        await in_thread(self._store.close)
        ended = await self._host.end_adopted(ADOPTED_GRACE_SECONDS)
        if ended.found:
            sys.stderr.write(f"ended orphan processes that belong to no known job: {name_all(ended.found)}\n")
        guard.close()
        return 0

    # -- from the parent

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        """Builds the host of attempts, because the parent accepted this daemon."""
        order = self._order
        address = socket_address(f"{order.run[:16]}-{order.daemon}", self._environment)
        self._host = WrapperHost(
            self._loop,
            self._store,
            self._reaper,
            WrapperContext(
                run=welcome.context,
                host=os.uname().nodename,
                environment=self._environment,
                launch_dir=str(Path.cwd()),
                token=partial(self._tokens.make, Audience.JOB),
                daemon=order.daemon,
                parent=address,
            ),
            on_started=self._on_started,
            on_finished=self._on_finished,
            on_late_wake=self._on_late_wake,
        )
        self._clients = ClientHandler(self._host, self._tokens)
        self._serving = self._loop.create_task(self._serve(address))
        if order.role == "tier":
            # A third of what a daemon imports, and only some need it.
            from gator.daemon.tiers.service import TierService

            self._tiers = TierService(welcome.context, self._store, self._host, self._uplink, SystemClock())

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Carries out an order of the parent."""
        if message.WhichOneof("message") == "drain":
            self._host.drain(self._on_idle)
        elif self._tiers is not None:
            self._tiers.on_message(message)
        else:
            self._on_jobs_order(message)

    def on_lost(self, error: Exception) -> None:
        """Keeps the error that cut the stream to the parent."""
        self._lost = error

    def _on_jobs_order(self, message: attach_pb2.AttachResponse) -> None:
        match message.WhichOneof("message"):
            case "launch":
                for node in message.launch.nodes:
                    self._host.launch(node)
            case "stop":
                self._host.stop(message.stop)
            case "recall":
                given = self._host.recall(message.recall.leases)
                recalled = attach_pb2.Recalled(attempts=given)
                self._uplink.send(attach_pb2.AttachRequest(recalled=recalled))
            case _:
                pass

    # -- from the attempts

    def _on_started(self, path: str, attempt: int) -> None:
        if self._tiers is not None:
            self._tiers.on_started(path, attempt)

    def _on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        self._clients.forget(path, attempt)
        if self._tiers is not None:
            self._tiers.on_finished(path, attempt, end)

    def _on_late_wake(self, stood_still: int) -> None:
        late = attach_pb2.LateWake(stood_still_nanos=stood_still)
        self._uplink.send(attach_pb2.AttachRequest(late_wake=late))

    # -- within

    def _hello(self) -> attach_pb2.Hello:
        order = self._order
        return attach_pb2.Hello(
            role=attach_pb2.ROLE_TIER if order.role == "tier" else attach_pb2.ROLE_WRAPPERS,
            id=order.daemon,
            host=os.uname().nodename,
            pid=os.getpid(),
            store=order.store,
            version=__version__,
            run=order.run,
        )

    async def _serve(self, address: str) -> None:
        self._server = await serve(
            [parent_service(self._clients)], address=address, authenticate=self._authenticate
        )

    def _authenticate(self, method: str, token: str) -> None:
        # The Hello of an Attach says what its token must authorise, so its handler checks it.
        if method != ATTACH:
            self._tokens.check(token, Audience.CONTROL)

    def _on_commit(self) -> None:
        self._uplink.on_commit()

    def _on_idle(self) -> None:
        self._finishing = self._loop.create_task(self._uplink.finish())

    def _on_disk_full(self) -> None:
        position = attach_pb2.StorePosition(store=self._order.store, seq=self._store.committed)
        self._uplink.send(attach_pb2.AttachRequest(tip=attach_pb2.Tip(position=position, disk_full=True)))

    def _on_orphaned(self) -> None:
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
