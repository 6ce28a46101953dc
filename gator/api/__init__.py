"""Runs specs from Python, and reads their runs: `gator.run`, see docs/python.md.

Invariant: a run is a process of its own, as with the command line, so that neither the handlers of signals
nor the children of the caller's process are touched.
"""

from gator.api.launch import check, run
from gator.api.results import Failure, Line, Metric, Node, Run

__all__ = ["Failure", "Line", "Metric", "Node", "Run", "check", "run"]
