"""Rows of runs as messages of the schema. Rule: the state follows from what was heard alone."""

import json
from collections.abc import Sequence
from typing import Any

from gator.store.catalogue.conditions import Condition
from gator.v1 import query_pb2
from gator_hub.database.database import Database

_PIECE = 256
"""Maximum number of runs in one statement."""
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
    "selection",
    "parent",
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
        # Unset for the whole spec, as in a run's folder.
        selection=query_pb2.Selection(**lists) if (lists := json.loads(values["selection"])) else None,
        parent=values["parent"],
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


def sighting_of(row: Sequence[Any]) -> query_pb2.Sighting:
    """A run in which something was seen, by the columns of SIGHTING_COLUMNS."""
    run, ident, started, commit, branch, dirty = row
    return query_pb2.Sighting(
        run=run, ident=ident, started_unix_nanos=started, git=_git(commit, branch, dirty)
    )


def _git(commit: str, branch: str, dirty: int) -> query_pb2.Git | None:
    return query_pb2.Git(commit=commit, branch=branch, dirty=bool(dirty)) if commit else None


def series_of(database: Database, run: int) -> tuple[str, str]:
    """Returns ident and selection key of a run's series; for a repeat, those of its parent."""
    seen: set[str] = set()
    found = database.query("SELECT ident, series, parent FROM runs WHERE id = ?", (run,))
    while found and found[0][2] and found[0][2] not in seen:
        seen.add(found[0][2])
        above = database.query(
            "SELECT ident, series, parent FROM runs WHERE run = ? AND deleted = 0", (found[0][2],)
        )
        if not above:
            # The parent is unknown here, so the series of the whole spec is used.
            return found[0][0], ""
        found = above
    return (found[0][0], found[0][1]) if found else ("", "")


def rows_of_runs(
    database: Database, runs: Sequence[int], columns: str, join: str = ""
) -> dict[int, tuple[Any, ...]]:
    """Returns columns of these runs by number, without runs that are being removed."""
    found: dict[int, tuple[Any, ...]] = {}
    for at in range(0, len(runs), _PIECE):
        where = Condition().one_of("r.id", runs[at : at + _PIECE]).add("r.deleted = 0")
        rows = database.query(
            f"SELECT r.id, {columns} FROM runs AS r {join} WHERE {where.text}",  # noqa: S608 - constant parts
            where.values,
        )
        found.update((row[0], tuple(row[1:])) for row in rows)
    return found
