"""The root of a run: it owns the folder, the ledger and the Results, and ends when the tree has ended.

Invariant: every declared node has its Result before the root returns.
"""

from gator.daemon.root.make import make_root
from gator.daemon.root.root import Root

__all__ = ["Root", "make_root"]
