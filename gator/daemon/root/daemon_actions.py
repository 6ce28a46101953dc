"""Carries out those actions of the engine that concern daemons: start, end, leases, tiers."""

from collections.abc import Callable

from gator.core.dispatch import actions as disp
from gator.core.tree.actions import OpenTier
from gator.daemon.fleet import Daemon, Fleet
from gator.daemon.tiers.daemons import TierDaemons
from gator.v1 import attach_pb2


class DaemonActions:
    """Passes actions on to the fleet; a run without a fleet has none of these actions.

    `want_server` is called before a daemon starts, because the daemon dials the server.
    """

    def __init__(self, fleet: Fleet | None, tiers: TierDaemons, want_server: Callable[[], None]) -> None:
        self._fleet, self._tiers, self._want_server = fleet, tiers, want_server

    def start(self, role: attach_pb2.Role.ValueType, *, alone: bool = False) -> Daemon:
        """Starts a daemon."""
        assert self._fleet is not None, "a run without daemons starts none"
        self._want_server()
        return self._fleet.start(role, alone=alone)

    def place_tier(self, action: OpenTier) -> Daemon:
        """Returns the daemon for a tier."""
        return self._tiers.place(action)

    def carry_out(self, action: disp.HostAction) -> None:
        """Carries out an action of the dispatcher."""
        assert self._fleet is not None, f"a run without daemons has no {action}"
        match action:
            case disp.StartHost(count, alone):
                for _ in range(count):
                    self.start(attach_pb2.ROLE_WRAPPERS, alone=alone)
            case disp.RetireHost(host):
                self._fleet.drain(host)
            case disp.Grant(host, leases):
                grant = attach_pb2.AttachResponse(grant=attach_pb2.Grant(leases=leases))
                self._fleet.daemons[host].send(grant)
