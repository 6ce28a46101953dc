"""Shows a run from within its root: the display, the cursors that feed it, and text files of output.

Invariant: it only reads; a display that is slow or gone changes nothing in the run.
"""

from gator.daemon.view.view import View

__all__ = ["View"]
