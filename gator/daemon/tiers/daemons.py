"""Assigns tiers to daemons of their own, for the root.

Invariant: a tier whose daemon died is opened again in a fresh one, or closed by the root if it dies
repeatedly.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from gator.core.dispatch.actions import HostAction
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.tree.actions import OpenTier
from gator.core.tree.close import cancelled
from gator.core.tree.gate import Closing
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.tree import Tree
from gator.daemon.engine import Engine
from gator.daemon.fleet import Daemon, DaemonState
from gator.daemon.tiers.past import read_past
from gator.node_paths import ancestors
from gator.plan import PlanNode
from gator.ports import Clock
from gator.runtime.loop import in_thread
from gator.v1 import attach_pb2, common_pb2, event_pb2

MAX_TIER_DAEMONS = 8


class _Placed(Struct, eq=False):
    """A tier that has no Result yet."""

    path: str
    node: PlanNode
    daemon: Daemon
    before: list[Daemon] = field(default_factory=list[Daemon])
    """The daemons that had it and died, oldest first."""
    deaths: int = 0
    """How often its daemon died without a running job that could be the cause."""


class TierDaemons:
    """Assigns tiers to daemons and follows them. `running` is shared with the root: start times by path."""

    def __init__(
        self,
        start_daemon: Callable[[attach_pb2.Role.ValueType], Daemon],
        tree: Tree,
        dispatch: Dispatcher,
        engine: Engine[HostAction],
        clock: Clock,
        running: dict[str, float],
    ) -> None:
        self._start_daemon, self._tree, self._dispatch = start_daemon, tree, dispatch
        self._engine, self._clock, self._running = engine, clock, running
        self._placed: dict[str, _Placed] = {}
        self._readings: set[asyncio.Task[Past]] = set()

    def place(self, action: OpenTier) -> Daemon:
        """Returns the daemon for a tier: a new one up to the maximum, then the one with the fewest tiers."""
        placed = self._placed.get(action.path)
        if placed is None:
            daemon = self._least_busy() or self._start_daemon(attach_pb2.ROLE_TIER)
            placed = self._placed[action.path] = _Placed(action.path, action.node, daemon)
        return placed.daemon

    def on_event(self, event: event_pb2.Event) -> None:
        """Handles an event of a node that lives in a tier daemon."""
        path = event.path
        match event.WhichOneof("payload"):
            case "started":
                self._running[path] = self._clock.monotonic()
                self._tree.on_remote_started(path)
            case "attempt_finished":
                self._running.pop(path, None)
            case "result":
                self._running.pop(path, None)
                self._placed.pop(path, None)
                self._tree.on_remote_result(path, event.result, self._clock.now())
                self._engine.turn_soon()
            case _:
                pass

    def on_dead(self, daemon: Daemon, why: str) -> None:
        """Moves the tiers of a dead daemon, whose store has been read, to other daemons."""
        self._dispatch.on_tier_host_lost(daemon.name, self._clock.monotonic())
        fresh: Daemon | None = None
        for placed in self._leave(daemon):
            closing = self._closing(placed, why)
            if closing is not None:
                self._close(placed, closing)
                continue
            fresh = fresh or self._start_daemon(attach_pb2.ROLE_TIER)
            placed.daemon = fresh
            before = tuple(earlier.name for earlier in placed.before)
            self._tree.reopen(placed.path, before, self._clock.now())
        self._engine.turn_soon()

    # -- within

    def _least_busy(self) -> Daemon | None:
        """Returns the daemon for one more tier, once there are as many daemons as there may be."""
        loads: dict[Daemon, int] = {}
        for placed in self._placed.values():
            if placed.daemon.state not in (DaemonState.DEAD, DaemonState.ENDED):
                loads[placed.daemon] = loads.get(placed.daemon, 0) + 1
        if len(loads) < MAX_TIER_DAEMONS:
            return None
        return min(loads, key=lambda daemon: loads[daemon])

    def _leave(self, daemon: Daemon) -> list[_Placed]:
        """Returns the tiers of a dead daemon; its running jobs run no more."""
        left = [placed for placed in self._placed.values() if placed.daemon is daemon]
        for placed in left:
            placed.before.append(daemon)
            lost = self._tree.remotes.lose(placed.path)
            if daemon.attached and not lost:
                placed.deaths += 1
        here = {placed.path for placed in left}
        for path in [path for path in self._running if not here.isdisjoint((path, *ancestors(path)))]:
            del self._running[path]
        return left

    def _closing(self, placed: _Placed, why: str) -> Closing | None:
        """Returns how to close a tier that is given up; None if it gets another daemon."""
        stop = self._tree.remotes.ending(placed.path)
        if stop is not None:
            return cancelled(stop)
        retries = placed.node.resolved_at(placed.path).settings.retries
        # Deaths with running jobs count as attempts of these jobs, in the tier that continues.
        if placed.deaths > (retries.lost if retries.HasField("lost") else 1):
            return Closing(common_pb2.OUTCOME_LOST, common_pb2.REASON_LOST, why)
        return None

    def _close(self, placed: _Placed, closing: Closing) -> None:
        """Closes the nodes without a Result from here, once the stores have been read."""
        del self._placed[placed.path]
        stores = [daemon.store_path for daemon in placed.before]
        task = asyncio.get_running_loop().create_task(in_thread(read_past, stores, placed.path))
        self._readings.add(task)
        task.add_done_callback(partial(self._on_read, placed.path, closing))

    def _on_read(self, path: str, closing: Closing, task: "asyncio.Task[Past]") -> None:
        self._readings.discard(task)
        self._tree.close_remote(path, task.result(), closing, self._clock.now())
        self._engine.turn_soon()
