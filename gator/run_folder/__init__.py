"""The folder of a run: who owns it, and what lies where in it.

Invariant: a live run holds an flock on `run.lock`, so that any process of the host can tell whether it lives.
"""

from gator.run_folder.folder import (
    CLOSING_STORE,
    LATEST,
    MAX_NAME_PART,
    ROOT_STORE,
    RunFolder,
    name_part,
)
from gator.run_folder.lock_holder import LockHolder

__all__ = ["CLOSING_STORE", "LATEST", "MAX_NAME_PART", "ROOT_STORE", "LockHolder", "RunFolder", "name_part"]
