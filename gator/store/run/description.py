"""What the root's store says of its run as a whole, as messages.

The rule: only what was written at the start of the run stands here, masked as it was written; what came of
the run follows from its events.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from gator.regular_file import read_regular
from gator.store.untrusted import ODD_VALUE, damaged
from gator.v1 import attach_pb2, plan_pb2, query_pb2

GIT_FILE = "git.json"
"""Beside the stores: the state of the working tree at the start, where somebody asked git for it."""
_MAX_GIT_BYTES = 65_536
_MAX_COMMAND_LINE = 1024 * 1024
MAX_PLAN_BYTES = 1536 * 1024
"""A larger plan request is left out of a description, which has to fit into one message to a hub. So much
is a spec with about 20,000 jobs that are written out one by one."""


def run_of(meta: Mapping[str, str], folder: Path) -> query_pb2.Run:
    """Returns the run as it was started; its times, state and Result are left empty. Raises StoreError."""
    try:
        return _run_of(meta, folder)
    except ODD_VALUE as error:
        raise damaged(folder, error) from error


def _run_of(meta: Mapping[str, str], folder: Path) -> query_pb2.Run:
    run = query_pb2.Run(
        id=meta.get("run", ""),
        ident=meta.get("ident", ""),
        folder=str(folder),
        host=meta.get("host", ""),
        user=meta.get("user", ""),
        version=meta.get("version", ""),
        seed=int(meta.get("seed") or 0),
        spec=meta.get("spec_name", ""),
    )
    if meta.get("command_line"):
        line = meta["command_line"]
        # Parsing is slow, and no system accepts a command line of this length.
        run.argv.extend(shlex.split(line) if len(line) <= _MAX_COMMAND_LINE else [line[:_MAX_COMMAND_LINE]])
    if lists := json.loads(meta.get("selection") or "{}"):
        run.selection.CopyFrom(query_pb2.Selection(**lists))
    run.parent = meta.get("parent", "")
    run.launch_dir = meta.get("launch_dir", "")
    for name, value in json.loads(meta.get("variables") or "{}").items():
        if value is None:
            run.unkept_variables.append(name)
        else:
            run.variables[name] = value
    run.unset_variables.extend(json.loads(meta.get("unset_variables") or "[]"))
    if meta.get("labels"):
        run.labels.update(json.loads(meta["labels"]))
    return run


def description_of(meta: Mapping[str, str], folder: Path) -> attach_pb2.RunDescription:
    """What a root tells a hub of its run; the time of its start is for the caller to add."""
    description = attach_pb2.RunDescription(run=run_of(meta, folder))
    if (git := read_git(folder)) is not None:
        description.run.git.CopyFrom(git)
    request = bytes.fromhex(meta.get("plan_request", ""))
    if 0 < len(request) <= MAX_PLAN_BYTES:
        description.plan.CopyFrom(plan_pb2.PlanRequest.FromString(request))
    if meta.get("pools"):
        description.pools.CopyFrom(attach_pb2.RunPools(**json.loads(meta["pools"])))
    if meta.get("output"):
        description.output = attach_pb2.Output.Value(meta["output"])
    return description


def write_git(folder: Path, git: query_pb2.Git) -> None:
    """Keep the state of the working tree in a run's folder; raises OSError."""
    text = json.dumps({"commit": git.commit, "branch": git.branch, "dirty": git.dirty})
    (folder / GIT_FILE).write_text(text + "\n")


def read_git(folder: Path) -> query_pb2.Git | None:
    """The state of the working tree as it was kept; None where it was not."""
    try:
        return query_pb2.Git(**json.loads(read_regular(folder / GIT_FILE, _MAX_GIT_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
