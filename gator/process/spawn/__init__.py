"""Starts the leaders of jobs, with `posix_spawn`, and explains why one could not be started.

`leader` starts a process, `programs` finds its program in the PATH of the job, and `errors` has a sentence
for each cause of a failure and what to do.

Invariant: only the main thread starts programs; after an error no process and no descriptor is left.
"""

from gator.process.spawn.errors import SpawnError
from gator.process.spawn.leader import Process, Spawner, SpawnRequest, spawn

__all__ = ["Process", "SpawnError", "SpawnRequest", "Spawner", "spawn"]
