"""Carries out what a tree and a dispatcher decide, for the root and for daemons that host tiers.

Invariant: an effect follows the commit of the records before it, so that a crash cannot undo what was
reported. `dispatch_log` is imported only where GATOR_LOG asks for it.
"""

from gator.daemon.engine.engine import Engine
from gator.daemon.engine.protocols import Executor

__all__ = ["Engine", "Executor"]
