"""The process that owns a run, from the lock of the folder to the end."""

import asyncio
import os
import secrets
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from gator.core.dispatch import actions as disp
from gator.core.tokens import KEY_BYTES, Audience, Tokens
from gator.core.tree import actions as act
from gator.core.tree.tree import Tree
from gator.daemon.attempts.host import WrapperContext, WrapperHost
from gator.daemon.attempts.inline import InlineExecutor
from gator.daemon.engine import Engine
from gator.daemon.fleet import Daemon, Fleet, FleetContext
from gator.daemon.fleet.dead_store import read_batches
from gator.daemon.modes import Placement
from gator.daemon.options import RunEnd, RunOptions
from gator.daemon.root.ending import RunEnding
from gator.daemon.root.explain import explain_node
from gator.daemon.root.facts import INLINE, make_dispatch_log, make_dispatcher, run_context, run_info
from gator.daemon.root.reports import AttemptReports, DaemonReports
from gator.daemon.serving import AttachRouter, ClientHandler, ServerTask
from gator.daemon.tiers.daemons import TierDaemons
from gator.daemon.view import View
from gator.errors import GatorError, NotFoundError, StoreError, UsageError
from gator.loop import Poster, in_thread
from gator.plan import Plan
from gator.ports import Clock, Display
from gator.process.guard import Guard
from gator.process.host import RPC_THREADS, become_subreaper, close_inherited, lacks_threads
from gator.process.ownership.select import name_all
from gator.process.reaper import Reaper
from gator.process.sweep import sweep
from gator.process.terminate import Ended, Terminator
from gator.rpc.address import socket_address
from gator.run_folder import ROOT_STORE, Owner, RunFolder
from gator.store import Store
from gator.upload.options import UploadOptions
from gator.v1 import attach_pb2, control_service_pb2, event_pb2
from gator.v1 import common_pb2 as pb

if TYPE_CHECKING:
    from gator.upload.process import UploadProcess
    from gator.upload.supervisor import Uploader

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread yields the interpreter: the store's writer needs it often and briefly."""
ADOPTED_GRACE_SECONDS = 1.0
"""Time between TERM and KILL for orphans that are left when the run is over."""


class Root:
    """Runs one plan in one folder, on one event loop. Only the store writes on a thread of its own."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        options: RunOptions,
        display: Display,
        clock: Clock,
        upload: "UploadProcess | None" = None,
    ) -> None:
        """Locks the folder and builds everything, each part from those before it; nothing runs yet.

        `upload` is a process that waits to feed the hub, started ahead of the run. Raises UserError if the
        run cannot begin.
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        close_inherited()
        become_subreaper()
        self.folder, self.plan, self.options = folder, plan, options
        self._display, self._clock = display, clock
        self._run = plan.request.run
        folder.lock(Owner.this_process(self._run))
        self._loop = asyncio.get_running_loop()
        key = secrets.token_bytes(KEY_BYTES)
        self._tokens = Tokens(key)
        self._address = socket_address(self._run[:16], options.environment)
        self._context = run_context(folder, plan, options)
        self._reaper = Reaper(self._loop)
        self._guard = Guard(self._run, environment=options.environment)
        self._ending = RunEnding(self._loop, self._stop_nodes)
        self._tree = Tree(plan, remote=_remote_tiers(plan, options))
        self._view = View(
            folder, plan, display, clock, text_logs=options.text_logs, tally=lambda: self._tree.tally
        )
        self._store = self._make_store()
        self._dispatch = make_dispatcher(plan, options)
        self._engine = Engine(
            self._tree,
            self._dispatch,
            self._store,
            clock,
            on_action=self._on_action,
            open_tier=self._place_tier,
            on_tier_ended=self._on_tier_ended,
            log=make_dispatch_log(self._dispatch),
        )
        self._attempts = AttemptReports(self._engine, self._view, clock)
        self._host: WrapperHost | None = None
        self._clients: ClientHandler | None = None
        if options.placement in (Placement.INLINE, Placement.AUTO):
            self._host = self._make_host()
            self._clients = ClientHandler(self._host, self._tokens)
            self._engine.add_executor(INLINE, InlineExecutor(self._host, self._engine.on_recalled))
        self._fleet: Fleet | None = None
        if options.placement is not Placement.INLINE:
            self._tiers = TierDaemons(
                self._start_daemon,
                self._tree,
                self._dispatch,
                self._engine,
                clock,
                self._view.started,
            )
            self._fleet = self._make_fleet(key)
        self._terminator = Terminator(self._reaper.watched) if self._host is None else self._host
        self.serving = ServerTask(self._serve, is_delayed=self._host is not None, on_failed=self._ending.fail)
        self.uploader = self._make_uploader(options.hub, upload) if options.hub is not None else None
        """Feeds the hub. The caller of `run` lets it finish when the run is over."""

    def _make_store(self) -> Store:
        return Store.create(
            self.folder.stores / ROOT_STORE,
            store_id=secrets.token_hex(16),
            run=self._run,
            daemon="root",
            host=os.uname().nodename,
            catalogue=True,
            post=Poster(self._loop),
            description=self.options.description,
            on_commit=self._view.on_commit,
            on_disk_full=self._ending.on_disk_full,
            on_failed=self._ending.fail,
        )

    def _make_host(self) -> WrapperHost:
        context = WrapperContext(
            run=self._context,
            host=os.uname().nodename,
            environment=self.options.environment,
            launch_dir=self.options.launch_dir,
            token=partial(self._tokens.make, Audience.JOB),
            parent=self._address,
        )
        return WrapperHost(
            self._loop,
            self._store,
            self._reaper,
            context,
            on_started=self._attempts.on_started,
            on_finished=self._on_finished,
            on_late_wake=self._attempts.on_late_wake,
        )

    def _make_fleet(self, key: bytes) -> Fleet:
        reports = DaemonReports(
            self._store,
            self._dispatch,
            self._engine,
            self._view,
            self._clock,
            self._attempts,
            self._tiers,
            self._ending,
            logs=self.folder.daemons,
        )
        context = FleetContext(
            self._context,
            key,
            self._address,
            self.folder.stores,
            self.folder.daemons,
            self.options.environment,
            self._reaper,
        )
        return Fleet(context, self.options.scheduler, reports, read_batches, self._sweep)

    def _make_uploader(self, hub: UploadOptions, process: "UploadProcess | None") -> "Uploader":
        from gator.upload.supervisor import Uploader

        return Uploader(hub, self.folder, self.options.environment, self._display.on_notice, process)

    # -- the whole run

    async def run(self) -> RunEnd:
        """Runs the plan to its end. Raises GatorError if the record of the run cannot be kept."""
        self._loop.set_exception_handler(self._ending.on_loop_fault)
        self._view.begin(run_info(self.folder, self.plan, self.options), self._store)
        self._engine.start()
        if self.uploader is not None:
            # The first jobs start before the upload.
            self._loop.call_soon(self.uploader.start)
        self.serving.start()
        try:
            result = await self._ending.wait()
            if self._fleet is not None:
                await self._fleet.drain_all()
        except StoreError as error:
            if self._is_record_removed():
                raise GatorError(self._removed_record()) from error
            raise
        finally:
            await self.serving.end()
        await self._end_adopted(ADOPTED_GRACE_SECONDS)
        try:
            await self._view.end()
        except StoreError:
            if not self._is_record_removed():
                raise
        fault = self._ending.fault
        if self._is_record_removed():
            # Writing to the open file succeeds, so there is no other sign that it was removed.
            fault = fault or self._removed_record()
        await self._close()
        self._display.on_end(result)
        return RunEnd(result, fault)

    async def _close(self) -> None:
        await in_thread(self._store.close)
        if self._fleet is not None and self._fleet.daemons:
            await in_thread(self.folder.seal_stores)
        self._guard.close()
        self._reaper.close()
        self.folder.end_control()
        self.folder.unlock()

    def _is_record_removed(self) -> bool:
        return not (self.folder.stores / ROOT_STORE).exists()

    def _removed_record(self) -> str:
        return f"the record in {self.folder.path} was removed while the run went on"

    def stop(self, mode: attach_pb2.StopMode.ValueType, path: str = "", message: str = "") -> bool:
        """Stops a node and all below it, the whole run if `path` is empty. Returns whether it exists."""
        if not path or path == self.plan.root.ident:
            self._view.stopping = True
            if self._ending.is_known or mode == attach_pb2.STOP_MODE_NOW:
                self.serving.hurry()
        return self._stop_nodes(
            attach_pb2.Stop(
                path=path,
                mode=mode,
                reason=pb.REASON_CANCELLED,
                message=message or "it was stopped on request",
            )
        )

    def _stop_nodes(self, order: attach_pb2.Stop) -> bool:
        return self._engine.stop(order)

    # -- processes without a daemon

    async def _sweep(self, daemon: str) -> None:
        """Kills the remaining processes of a dead daemon; unmarked ones became children of this process."""
        await in_thread(sweep, self._run, daemon)
        if self._host is None or not self._host.running:
            # Orphans of this process's own jobs cannot be distinguished: they are ended with the run.
            await self._end_adopted(0.0)

    async def _end_adopted(self, grace_seconds: float) -> None:
        """Ends the orphans that this process adopted and reports them."""
        ended: Ended = await self._terminator.end_adopted(grace_seconds)
        if ended.found:
            found = name_all(ended.found)
            self._display.on_notice(
                f"ended orphan processes of this run that belong to no known job: {found}", warning=True
            )

    # -- from the engine and the attempts

    def _on_action(self, action: object) -> None:
        assert self._fleet is not None, f"a run without daemons has no {action}"
        match action:
            case disp.StartHost(count, alone):
                for _ in range(count):
                    self._start_daemon(attach_pb2.ROLE_WRAPPERS, alone=alone)
            case disp.RetireHost(host):
                self._fleet.drain(host)
            case disp.Grant(host, leases):
                grant = attach_pb2.AttachResponse(grant=attach_pb2.Grant(leases=leases))
                self._fleet.daemons[host].send(grant)
            case _:
                raise AssertionError(f"the engine keeps {action} for itself")

    def _start_daemon(self, role: attach_pb2.Role.ValueType, *, alone: bool = False) -> Daemon:
        assert self._fleet is not None, "a run without daemons starts none"
        self.serving.want()
        return self._fleet.start(role, alone=alone)

    def _place_tier(self, order: act.OpenTier) -> Daemon:
        return self._tiers.place(order)

    def _on_tier_ended(self, ended: act.TierEnded) -> None:
        self._ending.on_result(ended.result)

    def _on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        if self._clients is not None:
            self._clients.forget(path, attempt)
        self._attempts.on_finished(path, attempt, end)

    # -- serving

    async def _serve(self) -> None:
        lacking = lacks_threads(RPC_THREADS)
        if lacking is None:
            # In a thread, because gRPC takes 100 ms to import and jobs end meanwhile.
            await in_thread(import_module, "gator.daemon.serving.server")
            # Again, because the import takes address space, and gRPC aborts where it cannot start a thread.
            lacking = lacks_threads(RPC_THREADS)
        if lacking is not None:
            self._on_no_server(lacking)
            return
        from gator.daemon.serving.server import RootServer

        server = RootServer(
            self._run,
            self.folder.path,
            self._store.reader(),
            self._tokens,
            AttachRouter(self._fleet, self._clients),
            stop=self._on_stop_request,
            explain=partial(explain_node, self._dispatch),
        )
        address = await server.start(self._address)
        self.folder.write_control(address, self._tokens.make(Audience.CONTROL))
        try:
            await self._loop.create_future()
        finally:
            await server.close()

    def _on_stop_request(self, request: control_service_pb2.StopRequest) -> None:
        path = request.path if request.path != self.plan.root.ident else ""
        if not self.stop(request.mode, path, request.message):
            raise NotFoundError(
                f"no node {request.path} is waiting or running: gator status shows those that are"
            )

    def _on_no_server(self, lacking: str) -> None:
        if self._fleet is not None:
            raise UsageError(f"the run cannot listen to its daemons: {lacking}")
        self._display.on_notice(
            f"this run cannot be asked or reached while it goes on: {lacking}", warning=True
        )


def _remote_tiers(plan: Plan, options: RunOptions) -> frozenset[str]:
    """Returns the templates of the tiers that daemons host."""
    if options.placement is not Placement.TIERS:
        return frozenset()
    return frozenset(child.template for child in plan.root.children if child.children)
