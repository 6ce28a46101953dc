"""Closes a run whose root died: kills its remaining processes and writes the missing Results.

Invariant: one process does it, the first that is permitted (see `permission`) and gets the lock. All others
compute the same view from the same stores and write nothing.
"""

from gator.daemon.recovery.close import close_by_request, close_latest, ensure_closed

__all__ = ["close_by_request", "close_latest", "ensure_closed"]
