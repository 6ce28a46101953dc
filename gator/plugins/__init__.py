"""Hooks in Python for installed packages: what to do when nodes and runs end, and when a cause is new.

A process of its own beside the run calls them (`host`), so that a plug-in that fails, is slow or crashes
cannot disturb a run.
"""

from gator.plugins.specification import NAME, Cause, hookimpl

__all__ = ["NAME", "Cause", "hookimpl"]
