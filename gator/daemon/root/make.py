"""Makes the root of a run: locks the folder and makes every part from those before it.

Some parts report to parts that are made later: the store to the engine, the engine to the fleet. They get
functions that find the later part when they are called, which is not before the run begins.
"""

import asyncio
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from gator.core.dispatch.actions import HostAction
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.tokens import KEY_BYTES, Audience, Tokens
from gator.core.tree import actions as act
from gator.core.tree.tree import Tree
from gator.daemon.attempts.executor import HostExecutor
from gator.daemon.attempts.hooks.group_hooks import GroupHooks
from gator.daemon.attempts.host import WrapperHost
from gator.daemon.attempts.host_context import WrapperContext, make_launcher
from gator.daemon.engine import Engine
from gator.daemon.fleet import Daemon, Fleet, FleetContext
from gator.daemon.fleet.dead_store import read_batches
from gator.daemon.modes import Placement
from gator.daemon.options import RunOptions
from gator.daemon.root.daemon_actions import DaemonActions
from gator.daemon.root.ending import RunEnding
from gator.daemon.root.facts import (
    INLINE,
    make_dispatch_log,
    make_dispatcher,
    remote_tiers,
    run_context,
)
from gator.daemon.root.orphans import Orphans
from gator.daemon.root.reports import AttemptReports, DaemonReports
from gator.daemon.root.root import Root, RootParts
from gator.daemon.root.serve import RunServer
from gator.daemon.serving import ClientHandler, ServerTask
from gator.daemon.tiers.daemons import TierDaemons
from gator.daemon.view import View
from gator.plan import Plan
from gator.ports import Clock, Display
from gator.process.guard import Guard
from gator.process.host import prepare_to_host_jobs
from gator.process.reaper import Reaper
from gator.rpc.address import socket_address
from gator.run_folder import ROOT_STORE, LockHolder, RunFolder
from gator.runtime.loop import Poster
from gator.store import Store
from gator.upload.options import UploadOptions
from gator.v1 import attach_pb2, event_pb2

if TYPE_CHECKING:
    from gator.upload.process import UploadProcess
    from gator.upload.supervisor import Uploader


class _Setup(Struct, frozen=True):
    """The arguments that several parts of one root share."""

    folder: RunFolder
    plan: Plan
    options: RunOptions
    display: Display
    clock: Clock
    loop: asyncio.AbstractEventLoop
    reaper: Reaper
    key: bytes
    tokens: Tokens
    address: str
    """Where the root listens."""
    context: attach_pb2.RunContext

    @property
    def wrappers(self) -> WrapperContext:
        """The settings of jobs that run in this process."""
        return WrapperContext(
            run=self.context,
            host=os.uname().nodename,
            environment=self.options.environment,
            launch_dir=self.options.launch_dir,
            token=partial(self.tokens.make, Audience.JOB),
            parent=self.address,
        )

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.plan.request.run


def make_root(
    folder: RunFolder,
    plan: Plan,
    options: RunOptions,
    display: Display,
    clock: Clock,
    upload: "UploadProcess | None" = None,
) -> Root:
    """Returns a root that has not begun its run.

    `upload` is a process that waits to upload the run, started ahead of it. Raises UserError if the run
    cannot begin.
    """
    setup = _prepare(folder, plan, options, display, clock)
    guard = Guard(setup.run, environment=options.environment)
    ending = RunEnding(setup.loop, lambda request: engine.stop(request))
    tree = Tree(plan, remote=remote_tiers(plan, options))
    view = View(folder, plan, display, clock, text_logs=options.text_logs, tally=lambda: tree.tally)
    store = _make_store(setup, view, ending)
    dispatch = make_dispatcher(plan, options)

    engine = _make_engine(setup, tree, dispatch, store, ending, lambda: daemons)
    attempts = AttemptReports(engine, view, clock)
    host, clients = _make_host(setup, store, attempts)
    if host is not None:
        engine.add_executor(INLINE, HostExecutor(host, engine.on_recalled))
    orphans = Orphans(setup.run, setup.reaper, host, display)
    tiers = TierDaemons(lambda role: daemons.start(role), tree, dispatch, engine, clock, view.started)
    fleet = None
    if options.placement is not Placement.INLINE:
        reports = DaemonReports(
            store, dispatch, engine, view, clock, attempts, tiers, ending, logs=folder.daemons
        )
        fleet = _make_fleet(setup, reports, orphans)
    server = _make_server(setup, store, dispatch, fleet, clients, ending, lambda: root)
    serving = ServerTask(server.serve, is_delayed=host is not None, on_failed=ending.fail)
    daemons = DaemonActions(fleet, tiers, serving.want)
    parts = RootParts(setup.reaper, guard, view, store, ending, engine, orphans, fleet)
    uploader = _make_uploader(setup, options.hub, upload) if options.hub is not None else None
    root = Root(folder, plan, options, display, parts, serving=serving, uploader=uploader)
    return root


def _make_engine(
    setup: _Setup,
    tree: Tree,
    dispatch: Dispatcher,
    store: Store,
    ending: RunEnding,
    daemons: Callable[[], DaemonActions],
) -> Engine[HostAction]:
    """Returns the engine; `daemons` returns the part that is made after it."""

    def on_action(action: HostAction) -> None:
        daemons().carry_out(action)

    def open_tier(action: act.OpenTier) -> Daemon:
        return daemons().place_tier(action)

    return Engine(
        tree,
        dispatch,
        store,
        setup.clock,
        on_action=on_action,
        open_tier=open_tier,
        on_tier_ended=lambda ended: ending.on_result(ended.result),
        hooks=GroupHooks(setup.loop, setup.reaper, partial(make_launcher, setup.wrappers)),
        log=make_dispatch_log(dispatch),
    )


def _make_server(
    setup: _Setup,
    store: Store,
    dispatch: Dispatcher,
    fleet: Fleet | None,
    clients: ClientHandler | None,
    ending: RunEnding,
    root: Callable[[], Root],
) -> RunServer:
    """Returns the server of a run; `root` returns the part that is made after it."""

    def on_stop(mode: attach_pb2.StopMode.ValueType, path: str, message: str) -> bool:
        return root().stop(mode, path, message)

    return RunServer(
        setup.folder,
        setup.plan,
        store,
        dispatch,
        setup.tokens,
        fleet,
        clients,
        setup.display,
        address=setup.address,
        stop=on_stop,
        on_disk_full=ending.on_disk_full,
    )


def _prepare(folder: RunFolder, plan: Plan, options: RunOptions, display: Display, clock: Clock) -> _Setup:
    """Prepares this process and locks the folder."""
    prepare_to_host_jobs()
    run = plan.request.run
    folder.lock(LockHolder.this_process(run))
    loop = asyncio.get_running_loop()
    key = secrets.token_bytes(KEY_BYTES)
    return _Setup(
        folder=folder,
        plan=plan,
        options=options,
        display=display,
        clock=clock,
        loop=loop,
        reaper=Reaper(loop),
        key=key,
        tokens=Tokens(key),
        address=socket_address(run[:16], options.environment),
        context=run_context(folder, plan, options),
    )


def _make_store(setup: _Setup, view: View, ending: RunEnding) -> Store:
    return Store.create(
        setup.folder.stores / ROOT_STORE,
        store_id=secrets.token_hex(16),
        run=setup.run,
        daemon="root",
        host=os.uname().nodename,
        catalogue=True,
        post=Poster(setup.loop),
        description=setup.options.description,
        on_commit=view.on_commit,
        on_disk_full=ending.on_disk_full,
        on_failed=ending.fail,
    )


def _make_host(
    setup: _Setup, store: Store, attempts: AttemptReports
) -> tuple[WrapperHost, ClientHandler] | tuple[None, None]:
    """Returns the host of jobs in this process, with the handler of their clients; None if there is none."""
    if setup.options.placement not in (Placement.INLINE, Placement.AUTO):
        return None, None

    def on_finished(path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        clients.forget(path, attempt)
        attempts.on_finished(path, attempt, end)

    host = WrapperHost(
        setup.loop,
        store,
        setup.reaper,
        setup.wrappers,
        on_started=attempts.on_started,
        on_finished=on_finished,
        on_late_wake=attempts.on_late_wake,
    )
    clients = ClientHandler(host, setup.tokens)
    return host, clients


def _make_fleet(setup: _Setup, reports: DaemonReports, orphans: Orphans) -> Fleet:
    context = FleetContext(
        run=setup.context,
        key=setup.key,
        address=setup.address,
        folder=setup.folder,
        environment=setup.options.environment,
        children=setup.reaper,
    )
    return Fleet(context, setup.options.scheduler, reports, read_batches, orphans.sweep)


def _make_uploader(setup: _Setup, hub: UploadOptions, process: "UploadProcess | None") -> "Uploader":
    from gator.upload.supervisor import Uploader

    return Uploader(hub, setup.folder, setup.options.environment, setup.display.on_notice, process)
