"""The root of a run: it owns the folder, the ledger and the Results, and ends when the tree has ended.

The rule: whatever happens, every declared node has its Result before `run` returns.
"""

import asyncio
import os
import secrets
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gator.core.attempt.environment import described
from gator.core.dispatch import actions as disp
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.hosts import host_count
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import Pools
from gator.core.launch.rerun import launch_of
from gator.core.redact import masked
from gator.core.tokens import KEY_BYTES, Audience, Tokens
from gator.core.tree import actions as act
from gator.core.tree.tree import Tree
from gator.daemon.attach_router import AttachRouter
from gator.daemon.attempts.host import WrapperContext, WrapperHost
from gator.daemon.attempts.inline import InlineHand
from gator.daemon.clients import ClientHandler
from gator.daemon.engine import Engine
from gator.daemon.fleet import Daemon, Fleet, FleetContext
from gator.daemon.modes import Placement, TextLogMode
from gator.daemon.options import RunEnd, RunOptions
from gator.daemon.reports import Reports
from gator.daemon.server_end import ServerEnd
from gator.daemon.stores import read_batches
from gator.daemon.tier_daemons import TierDaemons
from gator.daemon.view import View
from gator.errors import GatorError, NotFoundError, StoreError, UsageError
from gator.loop import Poster, in_thread
from gator.plan import Plan
from gator.ports import Clock, Display, RunInfo
from gator.process.guard import Guard
from gator.process.host import RPC_THREADS, become_subreaper, close_inherited, lacks_threads
from gator.process.ownership.select import name_all
from gator.process.reaper import Reaper
from gator.process.sweep import sweep
from gator.process.terminate import Ended, Terminator
from gator.rpc.address import socket_address
from gator.run_folder import ROOT_STORE, Owner, RunFolder
from gator.store import Store
from gator.store.run.description import run_of
from gator.v1 import attach_pb2, control_service_pb2, event_pb2
from gator.v1 import common_pb2 as pb

if TYPE_CHECKING:
    from gator.upload.process import UploadProcess
    from gator.upload.supervisor import Uploader

INLINE = "inline"
SWITCH_INTERVAL = 0.0005
"""Seconds; the store's writing thread needs the interpreter often and shortly."""
ACK_SECONDS = 0.02
ADOPTED_GRACE_SECONDS = 1.0
"""Time between TERM and KILL for orphans that are left when the run is over."""
SERVE_AFTER = 0.1
"""Time in seconds after which a run without daemons starts its server."""


class Root:
    """Runs one plan in one folder. Everything but the store's writing happens on one event loop."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        options: RunOptions,
        display: Display,
        clock: Clock,
        upload: "UploadProcess | None" = None,
    ) -> None:
        """`upload` is a process that waits to feed the hub, started ahead of the run."""
        self.folder, self.plan, self.options = folder, plan, options
        self._display, self._clock, self._upload = display, clock, upload
        self._loop = asyncio.get_running_loop()
        self._run = plan.request.run
        self._key = secrets.token_bytes(KEY_BYTES)
        self._tokens = Tokens(self._key)
        self._address = socket_address(self._run[:16], options.environment)
        self._store_id = secrets.token_hex(16)
        self._end: asyncio.Future[event_pb2.Result] = self._loop.create_future()
        self._wanted = asyncio.Event()
        """Set once daemons are started, because they need the server."""
        self._fault = ""
        self.server_end = ServerEnd()
        self._host: WrapperHost | None = None
        self._fleet: Fleet | None = None
        self._endings: Terminator | None = None
        """Handles orphans of daemons; those of inline jobs are handled by the host."""
        self._desk: ClientHandler | None = None
        self.uploader: Uploader | None = None
        """What feeds the hub; whoever runs the root lets it finish when the run is over."""

    # -- the whole run

    async def run(self) -> RunEnd:
        """Runs the plan to its end.

        Raises UserError when the run cannot begin, and GatorError when its record cannot be kept.
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        close_inherited()
        become_subreaper()
        self.folder.lock(Owner.this_process(self._run))
        self._reaper = Reaper(self._loop)
        self._guard = Guard(self._run, environment=self.options.environment)
        self._store = Store.create(
            self.folder.stores / ROOT_STORE,
            store_id=self._store_id,
            run=self._run,
            daemon="root",
            host=os.uname().nodename,
            catalogue=True,
            post=Poster(self._loop),
            meta=self.options.meta,
            on_disk_full=self._on_disk_full,
        )
        self._view = View(
            self.folder,
            self.plan,
            self._display,
            self._clock,
            text_logs=self.options.text_logs,
            tally=lambda: self._tree.tally,
        )
        self._build()
        self._loop.set_exception_handler(self._on_fault)
        self._store.on_failed = self._fail
        self._view.begin(self._info(), self._store)
        self._engine.start()
        self._start_uploader()
        serving = self._loop.create_task(self._serve())
        serving.add_done_callback(self._on_served)
        try:
            result = await self._end
            if self._fleet is not None:
                await self._fleet.drain_all()
        except StoreError as error:
            if self._is_record_removed():
                raise GatorError(self._removed_record()) from error
            raise
        finally:
            await self.server_end.wait(serving)
        await self._end_adopted(ADOPTED_GRACE_SECONDS)
        try:
            await self._view.end()
        except StoreError:
            if not self._is_record_removed():
                raise
        if self._is_record_removed():
            # The open file takes everything, so that nothing else would tell.
            self._fault = self._fault or self._removed_record()
        await in_thread(self._store.close)
        if self._fleet is not None and self._fleet.daemons:
            await in_thread(self.folder.seal_stores)
        self._guard.close()
        self._reaper.close()
        self.folder.end_control()
        self.folder.unlock()
        self._display.on_end(result)
        return RunEnd(result, self._fault)

    def _is_record_removed(self) -> bool:
        return not (self.folder.stores / ROOT_STORE).exists()

    def _removed_record(self) -> str:
        return f"the record in {self.folder.path} was removed while the run went on"

    def stop(self, mode: attach_pb2.StopMode.ValueType, path: str = "", message: str = "") -> bool:
        """Ends a node and all below it, the whole run when the path is empty; False if it is not there."""
        if not path or path == self.plan.root.ident:
            self._view.stopping = True
            if self._end.done() or mode == attach_pb2.STOP_MODE_NOW:
                self.server_end.hurry()
        return self._engine.stop(
            attach_pb2.Stop(
                path=path,
                mode=mode,
                reason=pb.REASON_CANCELLED,
                message=message or "it was stopped on request",
            )
        )

    # -- building

    def _build(self) -> None:
        options = self.options
        remote: frozenset[str] = frozenset()
        if options.placement is Placement.TIERS:
            remote = frozenset(child.template for child in self.plan.root.children if child.children)
        self._tree = Tree(self.plan, remote=remote)
        slots = _slots(options.pools, self.plan)
        placement = options.placement
        self._dispatch = Dispatcher(
            Ledger(options.pools),
            max_hosts=host_count(slots),
            slots=slots,
            fixed_host=INLINE if placement is Placement.INLINE else None,
            bridge=INLINE if placement is Placement.AUTO else None,
            # What is out already cannot be held back when there are too many failures.
            ahead=not any(node.max_fail for node in self.plan.nodes.values()),
        )
        self._engine = Engine(
            self._tree,
            self._dispatch,
            self._store,
            self._clock,
            on_action=self._on_action,
            open_tier=self._place_tier,
            on_tier_ended=self._on_tier_ended,
        )
        self._reports = Reports(
            self._store,
            self._dispatch,
            self._engine,
            self._view,
            self._clock,
            logs=self.folder.daemons,
            on_disk_full=self._on_disk_full,
            on_cannot_start=self._on_cannot_start,
        )
        if placement in (Placement.INLINE, Placement.AUTO):
            self._build_inline()
        if placement is not Placement.INLINE:
            if self._host is None:
                self._endings = Terminator(self._reaper.watched)
            self._fleet = Fleet(
                FleetContext(
                    self._context(),
                    self._key,
                    self._address,
                    self.folder.stores,
                    self.folder.daemons,
                    options.environment,
                    self._reaper,
                ),
                options.scheduler,
                self._reports,
                read_batches,
                self._sweep,
            )
            self._tiers = self._reports.tiers = TierDaemons(
                self._fleet, self._tree, self._dispatch, self._engine, self._clock, self._view.started
            )

    def _build_inline(self) -> None:
        context = WrapperContext(
            run=self._context(),
            host=os.uname().nodename,
            environment=self.options.environment,
            launch_dir=self.options.launch_dir,
            token=partial(self._tokens.make, Audience.JOB),
            parent=self._address,
        )
        self._host = WrapperHost(
            self._loop,
            self._store,
            self._reaper,
            context,
            on_started=self._reports.on_started,
            on_finished=self._reports.on_finished,
            on_late_wake=self._reports.on_late_wake,
        )
        self._desk = self._reports.desk = ClientHandler(self._host, self._tokens)
        self._engine.add_hand(INLINE, InlineHand(self._host, self._engine.on_recalled))

    def _context(self) -> attach_pb2.RunContext:
        plan = self.plan.request if self.options.placement is Placement.TIERS else None
        return attach_pb2.RunContext(
            run=self._run,
            folder=str(self.folder.path),
            plan=plan,
            sample_interval_millis=self.options.sample_interval_millis,
            log_cap_bytes=self.options.log_cap_bytes,
            secrets=self.options.secrets,
        )

    def _info(self) -> RunInfo:
        root = self.plan.root
        command, own_words = "", None
        if root.job is not None:
            job = masked(self.plan.resolve(root, root.ident), self.options.secrets)
            command, own_words = described(job)
        parent = self.options.meta.get("parent", "")
        return RunInfo(
            run=self._run,
            ident=root.ident,
            spec=self.options.meta.get("spec_name", ""),
            folder=str(self.folder.path),
            seed=self.plan.request.seed,
            jobs=root.jobs,
            single=root.job is not None,
            command=command,
            own_words=own_words,
            cores=self.options.pools.cores,
            repeats=parent or self._run,
            job_seeds=self.plan.request.job_seeds,
            launch=launch_of(run_of(self.options.meta, self.folder.path)),
            text_logs=self.options.text_logs is not TextLogMode.NONE,
        )

    def _start_daemon(self, role: attach_pb2.Role.ValueType, *, alone: bool = False) -> None:
        if self._fleet is not None:
            self._wanted.set()
            self._fleet.start(role, alone=alone)

    # -- processes without a daemon

    async def _sweep(self, daemon: str) -> None:
        """Kills the remaining processes of a dead daemon; unmarked ones became children of this process."""
        await in_thread(sweep, self._run, daemon)
        if self._host is None or not self._host.running:
            # Orphans of this process's own jobs cannot be distinguished: they are ended with the run.
            await self._end_adopted(0.0)

    async def _end_adopted(self, grace_seconds: float) -> None:
        """Ends the orphans that this process adopted and reports them."""
        ending = self._endings or self._host
        ended = await ending.end_adopted(grace_seconds) if ending is not None else Ended((), ())
        if ended.found:
            found = name_all(ended.found)
            self._display.on_notice(
                f"ended orphan processes of this run that belong to no known job: {found}", warning=True
            )

    # -- from the engine

    def _on_action(self, action: object) -> None:
        match action:
            case disp.StartHost(count, alone):
                for _ in range(count):
                    self._start_daemon(attach_pb2.ROLE_WRAPPERS, alone=alone)
            case disp.RetireHost(host):
                if self._fleet is not None:
                    self._fleet.drain(host)
            case disp.Grant(host, leases):
                if self._fleet is not None:
                    grant = attach_pb2.AttachResponse(grant=attach_pb2.Grant(leases=leases))
                    self._fleet.daemons[host].send(grant)
            case _:
                raise AssertionError(f"the engine keeps {action} for itself")

    def _place_tier(self, order: act.OpenTier) -> Daemon:
        return self._tiers.place(order)

    def _on_tier_ended(self, ended: act.TierEnded) -> None:
        if not self._end.done():
            self._end.set_result(ended.result)

    def _on_disk_full(self) -> None:
        self._fault = self._fault or "the disk is full: free some space, then run again"
        self._engine.stop(
            attach_pb2.Stop(
                mode=attach_pb2.STOP_MODE_GRACEFUL, reason=pb.REASON_DISK_FULL, message=self._fault
            )
        )

    def _on_cannot_start(self, why: str) -> None:
        self._fault = f"daemons cannot be started: {why}"
        self._engine.stop(
            attach_pb2.Stop(mode=attach_pb2.STOP_MODE_NOW, reason=pb.REASON_DAEMON_START, message=self._fault)
        )

    # -- serving

    async def _serve(self) -> None:
        if self._host is not None:
            # Most single jobs and small trees end before a client could connect.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), SERVE_AFTER)
        lacking = lacks_threads(RPC_THREADS)
        if lacking is None:
            # In a thread, because gRPC takes 100 ms to import and jobs end meanwhile.
            await in_thread(import_module, "gator.daemon.server")
            # Again, because the import takes address space, and gRPC aborts where it cannot start a thread.
            lacking = lacks_threads(RPC_THREADS)
        if lacking is not None:
            self._on_no_server(lacking)
            return
        from gator.daemon.server import RootServer

        handler = AttachRouter(self._fleet, self._desk)
        server = RootServer(
            self._run,
            self.folder.path,
            self._store.reader(),
            self._tokens,
            handler,
            self._on_stop_request,
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
            raise NotFoundError(f"there is no node {request.path} that has not ended")

    def _on_no_server(self, lacking: str) -> None:
        if self._fleet is not None:
            raise UsageError(f"the run cannot listen to its daemons: {lacking}")
        self._display.on_notice(
            f"this run cannot be asked or reached while it goes on: {lacking}", warning=True
        )

    def _on_served(self, serving: "asyncio.Task[None]") -> None:
        if not serving.cancelled() and (error := serving.exception()) is not None:
            self._fail(error)

    def _start_uploader(self) -> None:
        if self.options.hub is not None:
            from gator.upload.supervisor import Uploader

            self.uploader = Uploader(
                self.options.hub,
                self.folder,
                self.options.environment,
                self._display.on_notice,
                self._upload,
            )
            # What starts the first jobs goes ahead.
            self._loop.call_soon(self.uploader.start)

    # -- Gator's own faults

    def _on_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised: what it should have done is missing, so going on would hang."""
        self._fail(context.get("exception") or GatorError(context["message"]))

    def _fail(self, error: BaseException) -> None:
        if not self._end.done():
            self._end.set_exception(error)


def _slots(pools: Pools, plan: Plan) -> int:
    """How many jobs can run at once, as far as that decides over the number of daemons."""
    free = any(node.job is not None and node.demand.cores == 0 for node in plan.nodes.values())
    return max(64, 8 * pools.cores) if free else pools.cores
