"""Rows of runs as messages of the schema. Rule: the state follows from what was heard alone."""

import json
from collections.abc import Sequence
from typing import Any

from gator.v1 import hub_pb2, query_pb2

_NAMES = (
    "run",
    "ident",
    "user_name",
    "host",
    "folder",
    "version",
    "spec",
    "seed",
    "commit_hash",
    "branch",
    "dirty",
    "labels",
    "started_unix_nanos",
    "ended_unix_nanos",
    "heard_unix_nanos",
    "connected",
    "pinned",
)
RUN_COLUMNS = ", ".join(f"r.{name}" for name in _NAMES)
SIGHTING_COLUMNS = "r.run, r.ident, r.started_unix_nanos, r.commit_hash, r.branch, r.dirty"


def run_of(row: Sequence[Any]) -> query_pb2.Run:
    """A run by its row; its command line, jobs and Result stand elsewhere."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    run = query_pb2.Run(
        id=values["run"],
        ident=values["ident"],
        user=values["user_name"],
        host=values["host"],
        folder=values["folder"],
        version=values["version"],
        spec=values["spec"],
        seed=values["seed"],
        labels=json.loads(values["labels"]),
        started_unix_nanos=values["started_unix_nanos"],
        ended_unix_nanos=values["ended_unix_nanos"] or 0,
        heard_unix_nanos=values["heard_unix_nanos"],
        connected=bool(values["connected"]),
        pinned=bool(values["pinned"]),
        state=_state(values),
    )
    git = _git(values["commit_hash"], values["branch"], values["dirty"])
    if git is not None:
        run.git.CopyFrom(git)
    return run


def _state(values: dict[str, Any]) -> query_pb2.RunState.ValueType:
    if values["ended_unix_nanos"] is not None:
        return query_pb2.RUN_STATE_ENDED
    return query_pb2.RUN_STATE_RUNNING if values["connected"] else query_pb2.RUN_STATE_UNSPECIFIED


def sighting_of(row: Sequence[Any]) -> hub_pb2.Sighting:
    """A run in which something was seen, by the columns of SIGHTING_COLUMNS."""
    run, ident, started, commit, branch, dirty = row
    return hub_pb2.Sighting(run=run, ident=ident, started_unix_nanos=started, git=_git(commit, branch, dirty))


def _git(commit: str, branch: str, dirty: int) -> query_pb2.Git | None:
    return query_pb2.Git(commit=commit, branch=branch, dirty=bool(dirty)) if commit else None
