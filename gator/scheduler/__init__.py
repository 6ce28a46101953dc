"""Starts the daemons of a run, on this host or elsewhere.

A scheduler is a class that an installed package registers under a name in the entry points
`gator.schedulers`; `gator run --scheduler NAME --sched-arg KEY=VALUE` creates it from the arguments.
Exports the protocols; `registry` finds a scheduler by its name, `child` starts a daemon as a child process.

Invariant: a scheduler starts and ends daemons, and knows nothing of what they do.
"""

from gator.scheduler.protocols import DaemonHandle, Scheduler, SchedulerFactory
from gator.scheduler.request import DaemonRequest

__all__ = ["DaemonHandle", "DaemonRequest", "Scheduler", "SchedulerFactory"]
