"""Starts the daemons of a run and follows each from its start to its end."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from gator import __version__
from gator.core.cursor import Accepted, ConsumerCursor, Gap
from gator.core.tokens import Audience, Tokens
from gator.daemon.fleet.daemon import Daemon, DaemonState
from gator.daemon.fleet.subscription import PARENT_FILTER, SUBSCRIPTION
from gator.errors import GatorError, UnauthenticatedError, describe_foreign
from gator.link.session import ChildLink
from gator.run_folder import RunFolder
from gator.runtime import diagnostics
from gator.runtime.loop import in_thread
from gator.scheduler import DaemonRequest, Scheduler
from gator.scheduler.request import DAEMON_COMMAND, ChildWatcher, DaemonParameters
from gator.v1 import attach_pb2, event_pb2

MAX_FAILED_STARTS = 3
"""Number of failed starts in a row after which the run ends."""
MAX_SHOWN_LOG_BYTES = 2000
"""Maximum number of bytes of a daemon's own output that are shown if daemons cannot be started."""


class FleetEvents(Protocol):
    """The reactions of the root to its daemons."""

    def on_ready(self, daemon: Daemon) -> None:
        """Adds a daemon that accepts messages."""
        ...

    def on_batch(self, daemon: Daemon, batch: attach_pb2.Batch, events: Sequence[event_pb2.Event]) -> None:
        """Handles a batch; `events` are the new ones."""
        ...

    def on_message(self, daemon: Daemon, message: attach_pb2.AttachRequest) -> None:
        """Handles any message except a batch."""
        ...

    def on_dead(self, daemon: Daemon, why: str) -> None:
        """Handles the death of a daemon whose store has been read."""
        ...

    def on_cannot_start(self, why: str) -> None:
        """Handles the third failed start in a row; `on_dead` for the last daemon follows."""
        ...


ReadStore = Callable[[Path, int], Sequence[attach_pb2.Batch]]
"""Returns the batches of events in the store of a dead daemon after a position."""
Sweep = Callable[[str], Awaitable[None]]
"""Kills the remaining processes of a daemon."""


class FleetContext(Struct, frozen=True):
    """The common properties of all daemons of a run."""

    run: attach_pb2.RunContext
    key: bytes
    address: str
    folder: RunFolder
    environment: Mapping[str, str]
    children: ChildWatcher


class Fleet:
    """Starts daemons and keeps track of them; the parent's end of their Attach."""

    def __init__(
        self,
        context: FleetContext,
        scheduler: Scheduler,
        events: FleetEvents,
        read_store: ReadStore,
        sweep: Sweep,
    ) -> None:
        self.daemons: dict[str, Daemon] = {}
        self._context, self._scheduler, self._events = context, scheduler, events
        self._read_store, self._sweep = read_store, sweep
        self._tokens = Tokens(context.key)
        self._failed_starts = 0
        self._number = 0
        self._cleanups: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._log = diagnostics.logger("daemons")

    def start(self, role: attach_pb2.Role.ValueType, *, alone: bool = False) -> Daemon:
        """Starts one more daemon; an immediate failure is reported like any other death."""
        self._number += 1
        letter = "t" if role == attach_pb2.ROLE_TIER else "w"
        name = f"{letter}{self._number}"
        store_id = secrets.token_hex(16)
        path = self._context.folder.store_of(name)
        daemon = Daemon(name, role, store_id, path, alone, ConsumerCursor({store_id: 0}))
        parameters = DaemonParameters(
            daemon=name,
            role="tier" if role == attach_pb2.ROLE_TIER else "wrappers",
            run=self._context.run.run,
            folder=self._context.run.folder,
            parent=self._context.address,
            token=self._tokens.make(Audience.DAEMON),
            key=self._context.key.hex(),
            store=store_id,
        )
        self.daemons[name] = daemon
        if self._log is not None:
            suffix = ", for lost attempts" if alone else ""
            self._log.info("%s starts, role %s%s", name, parameters.role, suffix)
        request = DaemonRequest(
            name=name,
            argv=DAEMON_COMMAND,
            environment=self._context.environment,
            parameters=parameters.encode(),
            log=self._log_of(daemon),
            children=self._context.children,
        )
        try:
            daemon.handle = self._scheduler.start_daemon(request)
        except GatorError as error:
            self._start_cleanup(daemon, str(error))
        except Exception as error:
            # The scheduler may belong to another package. Its fault ends daemons, not the root.
            self._start_cleanup(daemon, f"the scheduler failed to start a daemon: {describe_foreign(error)}")
        else:
            daemon.handle.exited.add_done_callback(partial(self._on_exit, daemon))
        return daemon

    def drain(self, name: str) -> None:
        """Ends a daemon when all its work is done."""
        daemon = self.daemons.get(name)
        if daemon is not None and daemon.state in (DaemonState.READY, DaemonState.STARTING):
            if self._log is not None:
                self._log.info("%s ends when its work is done", daemon.name)
            daemon.send(attach_pb2.AttachResponse(drain=attach_pb2.Drain()))
            if daemon.state is DaemonState.READY:
                daemon.state = DaemonState.DRAINING

    async def drain_all(self) -> None:
        """Ends all daemons when their work is done, and waits until they have ended."""
        for daemon in list(self.daemons.values()):
            if daemon.state is DaemonState.STARTING and daemon.handle is not None:
                # It never got work, so it is not waited for.
                daemon.state, daemon.is_killed = DaemonState.DRAINING, True
                daemon.handle.kill()
            else:
                self.drain(daemon.name)
        while any(daemon.state is not DaemonState.ENDED for daemon in self.daemons.values()):
            self._changed.clear()
            await self._changed.wait()

    # -- the parent's end of Attach

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Raises UnauthenticatedError unless a daemon of this run dials; its token has no name."""
        self._tokens.check_hello(token, hello)
        if hello.id not in self.daemons or hello.run != self._context.run.run:
            raise UnauthenticatedError("this daemon does not belong to the run")
        return ""

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        """Returns the welcome of a daemon, subscribes to its events and sends the messages from before."""
        daemon = self.daemons[child.hello.id]
        daemon.link, daemon.attached = child, True
        if self._log is not None:
            self._log.info("%s attached, pid %d on %s", daemon.name, child.hello.pid, child.hello.host)
        self._failed_starts = 0
        child.send(self._subscribe(daemon))
        drained = False
        for message in daemon.waiting:
            child.send(message)
            drained = drained or message.WhichOneof("message") == "drain"
        daemon.waiting.clear()
        if daemon.state is DaemonState.STARTING:
            daemon.state = DaemonState.DRAINING if drained else DaemonState.READY
            self._events.on_ready(daemon)
        return attach_pb2.Welcome(version=__version__, context=self._context.run)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """Handles a message of a daemon."""
        daemon = self.daemons[child.hello.id]
        if daemon.state is DaemonState.ENDED:
            return None
        if message.WhichOneof("message") != "batch":
            self._events.on_message(daemon, message)
            return None
        taken = daemon.cursor.accept(message.batch)
        if isinstance(taken, Gap):
            child.send(self._subscribe(daemon))
        elif taken is not None:
            self._events.on_batch(daemon, message.batch, taken.events)
        return None

    def on_detached(self, child: ChildLink) -> None:
        """Forgets the stream; the exit of the process decides what follows."""
        daemon = self.daemons[child.hello.id]
        if daemon.link is child:
            daemon.link = None
        if self._log is not None:
            self._log.info("the stream of %s ended", daemon.name)

    @staticmethod
    def _subscribe(daemon: Daemon) -> attach_pb2.AttachResponse:
        return attach_pb2.AttachResponse(
            subscribe=attach_pb2.Subscribe(
                subscription=SUBSCRIPTION,
                consumer="root",
                positions=daemon.cursor.positions(),
                filter=PARENT_FILTER,
            )
        )

    # -- death

    def _on_exit(self, daemon: Daemon, exited: "asyncio.Future[int]") -> None:
        code = exited.result()
        if self._log is not None:
            self._log.info("%s exited while %s, code %d", daemon.name, daemon.state.value, code)
        # A daemon may attach after the root has killed it, because its Hello was on the way.
        if daemon.state is DaemonState.DRAINING and (code == 0 or daemon.is_killed):
            self._ended(daemon)
            return
        manner = f"exited with code {code}" if code >= 0 else f"was killed by signal {-code}"
        self._start_cleanup(daemon, f"the daemon {daemon.name} {manner}")

    def _start_cleanup(self, daemon: Daemon, why: str) -> None:
        daemon.state = DaemonState.DEAD
        if self._log is not None:
            self._log.warning("%s: its processes are killed and its store is read", why)
        task = asyncio.get_running_loop().create_task(self._clean_up(daemon, why))
        self._cleanups.add(task)
        task.add_done_callback(self._on_cleaned_up)

    def _on_cleaned_up(self, task: "asyncio.Task[None]") -> None:
        self._cleanups.discard(task)
        if not task.cancelled():
            # An error here must end the run, which would hang otherwise.
            task.result()

    async def _clean_up(self, daemon: Daemon, why: str) -> None:
        await self._sweep(daemon.name)
        if daemon.store_path.exists():
            position = daemon.cursor.position(daemon.store_id)
            for batch in await in_thread(self._read_store, daemon.store_path, position):
                taken = daemon.cursor.accept(batch)
                if isinstance(taken, Accepted):
                    self._events.on_batch(daemon, batch, taken.events)
        self._ended(daemon)
        if not daemon.attached:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                self._events.on_cannot_start(": ".join(filter(None, (why, _end_of(self._log_of(daemon))))))
        self._events.on_dead(daemon, why)

    def _ended(self, daemon: Daemon) -> None:
        daemon.state = DaemonState.ENDED
        daemon.link = None
        self._changed.set()

    def _log_of(self, daemon: Daemon) -> Path:
        return self._context.folder.daemons / f"{daemon.name}.log"


def _end_of(log: Path) -> str:
    """Returns the end of a log file as one line of text; empty if it cannot be read."""
    try:
        text = log.read_bytes()[-MAX_SHOWN_LOG_BYTES:].decode(errors="backslashreplace")
        return "; ".join(line for line in map(str.strip, text.splitlines()) if line)
    except OSError:
        return ""
