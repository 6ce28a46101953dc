"""Gator: a task runner and a logging system in one.

From Python, `gator.run` runs a spec that is built with `gator.spec`; see docs/python.md.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gator.api import Failure, Line, Metric, Node, Run, check, run

__version__ = "0.1.0"
__all__ = ["Failure", "Line", "Metric", "Node", "Run", "check", "run"]


def __getattr__(name: str) -> object:
    if name in __all__:
        # Nothing but a script that runs specs needs it.
        from gator import api

        return getattr(api, name)
    raise AttributeError(f"module 'gator' has no attribute {name!r}")
