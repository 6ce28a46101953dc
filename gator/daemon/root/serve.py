"""Serves a run while it lives: its daemons, the processes of its jobs and its user.

Invariant: gRPC is imported only where it can start its threads, because it aborts the process otherwise.
"""

import asyncio
import errno
from collections.abc import Callable
from functools import partial
from importlib import import_module

from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.tokens import Audience, Tokens
from gator.daemon.fleet import Fleet
from gator.daemon.root.explain import explain_node
from gator.daemon.serving import AttachRouter, ClientHandler
from gator.errors import NotFoundError, UsageError, reason_of
from gator.plan import Plan
from gator.ports import Display
from gator.process.host import RPC_THREADS, lacks_threads
from gator.run_folder import RunFolder
from gator.runtime.loop import in_thread
from gator.store import Store
from gator.v1 import attach_pb2
from gator.v1 import control_service_pb2 as cs

Stop = Callable[[attach_pb2.StopMode.ValueType, str, str], bool]
"""Stops a node, or the run if the path is empty, with a message. Returns whether it exists."""


class RunServer:
    """Runs the server of a root. `address` is where it listens; without a fleet a run can do without it."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        store: Store,
        dispatch: Dispatcher,
        tokens: Tokens,
        fleet: Fleet | None,
        clients: ClientHandler | None,
        display: Display,
        *,
        address: str,
        stop: Stop,
        on_disk_full: Callable[[], None],
    ) -> None:
        self._folder, self._plan, self._store, self._dispatch = folder, plan, store, dispatch
        self._tokens, self._fleet, self._clients = tokens, fleet, clients
        self._display, self._address, self._stop = display, address, stop
        self._on_disk_full = on_disk_full

    async def serve(self) -> None:
        """Serves until it is cancelled. Raises UsageError if daemons need a server and there can be none."""
        lacking = lacks_threads(RPC_THREADS)
        if lacking is None:
            # In a thread, because gRPC takes 100 ms to import and jobs end meanwhile.
            await in_thread(import_module, "gator.daemon.serving.server")
            # Again, because the import takes address space.
            lacking = lacks_threads(RPC_THREADS)
        if lacking is not None:
            self._on_no_server(lacking)
            return
        from gator.daemon.serving.server import RootServer

        server = RootServer(
            self._plan.request.run,
            self._folder.path,
            self._store.reader(),
            self._tokens,
            AttachRouter(self._fleet, self._clients),
            stop=self._on_stop_request,
            explain=partial(explain_node, self._dispatch),
        )
        address = await server.start(self._address)
        self._publish(address)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await server.close()

    def _publish(self, address: str) -> None:
        """Writes the address into the folder; only the commands of users need it there."""
        try:
            self._folder.write_control(address, self._tokens.make(Audience.CONTROL))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._on_disk_full()
            else:
                self._warn_unreachable(f"cannot write {self._folder.control}: {reason_of(error)}")

    def _on_stop_request(self, request: cs.StopRequest) -> None:
        path = request.path if request.path != self._plan.root.ident else ""
        if not self._stop(request.mode, path, request.message):
            raise NotFoundError(f"no node {request.path} is waiting or running: see `gator status`")

    def _on_no_server(self, lacking: str) -> None:
        if self._fleet is not None:
            raise UsageError(f"the run cannot be reached by its daemons: {lacking}")
        self._warn_unreachable(lacking)

    def _warn_unreachable(self, why: str) -> None:
        self._display.on_notice(f"no command can reach this run while it is live: {why}", warning=True)
