"""The daemons of a run, as its root sees them: starting, attaching, reporting, dying.

Invariant: the death of a daemon is handled in one order: its processes are killed, its store is read to the
end, and only then the engine learns what is lost.
"""

from gator.daemon.fleet.daemon import Daemon, DaemonState
from gator.daemon.fleet.fleet import Fleet, FleetContext, FleetEvents
from gator.daemon.fleet.subscription import SUBSCRIPTION

__all__ = ["SUBSCRIPTION", "Daemon", "DaemonState", "Fleet", "FleetContext", "FleetEvents"]
