"""Tiers that live in daemons of their own, as the root sees them.

The rule: the root knows which nodes such a daemon declared and has not closed, so that it can close them
when the daemon dies.
"""

from gator.core.actions import OpenTier
from gator.core.dispatch import Dispatcher
from gator.core.tree import Tree
from gator.daemon.engine import Engine
from gator.daemon.fleet import Daemon, DaemonState, Fleet
from gator.errors import GatorError
from gator.ports import Clock
from gator.v1 import attach_pb2, event_pb2

MOST_TIER_DAEMONS = 8


class TierDaemons:
    """Places tiers and follows them. `running` is shared with the root: start times by path."""

    def __init__(
        self,
        fleet: Fleet,
        tree: Tree,
        dispatch: Dispatcher,
        engine: Engine,
        clock: Clock,
        running: dict[str, int],
    ) -> None:
        self._fleet, self._tree, self._dispatch = fleet, tree, dispatch
        self._engine, self._clock, self._running = engine, clock, running
        self._open: dict[str, set[str]] = {}
        """By daemon: the nodes that have no Result yet, those included that it was only told to open."""

    def place(self, order: OpenTier) -> Daemon:
        """The daemon for a tier: a new one until there are enough, then the one with the least to do."""
        alive = [name for name in self._open if self._fleet.daemons[name].state is not DaemonState.ENDED]
        if len(alive) < MOST_TIER_DAEMONS:
            daemon = self._fleet.start(attach_pb2.ROLE_TIER)
            if daemon is None:
                raise GatorError(f"failed to start a daemon for {order.path}")
        else:
            daemon = self._fleet.daemons[min(alive, key=lambda name: len(self._open[name]))]
        self._open.setdefault(daemon.name, set()).add(order.path)
        return daemon

    def on_event(self, daemon: Daemon, event: event_pb2.Event) -> None:
        """Something happened to a node in such a daemon."""
        path = event.path
        match event.WhichOneof("payload"):
            case "declared":
                self._open[daemon.name].add(path)
            case "started":
                self._running[path] = event.time_unix_nanos
                self._tree.on_remote_started(path)
            case "attempt_finished":
                self._running.pop(path, None)
            case "result":
                self._open[daemon.name].discard(path)
                self._tree.on_remote_result(path, event.result, self._clock.unix_nanos())
                self._engine.turn_soon()
            case _:
                pass

    def on_dead(self, daemon: Daemon, why: str) -> None:
        """Such a daemon died: its nodes without a Result are lost."""
        nodes = self._open.pop(daemon.name, set())
        for path in nodes:
            self._running.pop(path, None)
        self._dispatch.on_tier_host_lost(daemon.name, self._clock.monotonic())
        self._tree.remote_nodes_lost(nodes, why, self._clock.unix_nanos())
        self._engine.turn_soon()
