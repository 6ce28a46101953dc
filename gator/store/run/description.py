"""The description of a run: one RunDescription, which the root writes into its store at the start.

Invariant: it holds only what is known at the start, with secrets masked. Everything else follows from
the events.
"""

import json
from pathlib import Path

from gator.files.regular import read_regular
from gator.store.reader import StoreReader
from gator.v1 import attach_pb2, query_pb2

GIT_FILE = "git.json"
"""Name of the file beside the stores with the state of the working tree at the start."""
_MAX_GIT_BYTES = 65_536
MAX_PLAN_BYTES = 1536 * 1024
"""Maximum size of a plan request in a description for a hub, which has to fit into one message.

That is a spec with about 20,000 jobs that are written out one by one.
"""


def run_of(root: StoreReader, folder: Path) -> query_pb2.Run:
    """Returns the run as it was started, without times, state and Result.

    `root` is the reader of the root's store. Raises StoreError if it cannot be read.
    """
    run = query_pb2.Run()
    run.CopyFrom(root.description.run)
    run.id, run.host, run.folder = root.info.run, root.info.host, str(folder)
    return run


def description_of(root: StoreReader, folder: Path) -> attach_pb2.RunDescription:
    """Returns what a root tells a hub of its run, without the time of the start.

    Raises StoreError if the root's store cannot be read.
    """
    stored = root.description
    description = attach_pb2.RunDescription(run=run_of(root, folder), output=stored.output)
    if (git := read_git(folder)) is not None:
        description.run.git.CopyFrom(git)
    if stored.HasField("plan") and stored.plan.ByteSize() <= MAX_PLAN_BYTES:
        description.plan.CopyFrom(stored.plan)
    description.causes.extend(stored.causes)
    if stored.HasField("pools"):
        description.pools.CopyFrom(stored.pools)
    return description


def write_git(folder: Path, git: query_pb2.Git) -> None:
    """Writes the state of the working tree into a run's folder. Raises OSError."""
    text = json.dumps({"commit": git.commit, "branch": git.branch, "dirty": git.dirty})
    (folder / GIT_FILE).write_text(text + "\n")


def read_git(folder: Path) -> query_pb2.Git | None:
    """Returns the recorded state of the working tree; None if there is none."""
    try:
        return query_pb2.Git(**json.loads(read_regular(folder / GIT_FILE, _MAX_GIT_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
