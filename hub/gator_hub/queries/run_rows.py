"""Makes messages from rows of runs.

Invariant: the state of a run follows only from its events and its connection to the hub.
"""

from collections.abc import Sequence
from typing import Any

from gator.store.catalogue.fields import RowMessages
from gator.v1 import query_pb2
from gator_hub.database.database import Database
from gator_hub.database.models import Model
from gator_hub.database.tables import RUNS

_RUNS = RowMessages(RUNS, query_pb2.Run)
RUN_NAMES = _RUNS.columns
"""The columns that `run_of` needs."""
_ENDED = RUN_NAMES.index("ended_unix_nanos")
SIGHTING_NAMES = ("run", "ident", "started_unix_nanos", "commit_hash", "branch", "dirty")
"""The columns that `sighting_of` needs."""
_PIECE = 256
"""Maximum number of runs in one statement."""


def fields_of(model: Model, names: Sequence[str]) -> list[Any]:
    """Returns the fields of a model with these names."""
    return [getattr(model, name) for name in names]


def run_of(values: Sequence[Any]) -> query_pb2.Run:
    """Returns the run of a row with RUN_NAMES, without command line, jobs and Result."""
    run = _RUNS.message(values)
    run.state = _state(run, has_ended=values[_ENDED] is not None)
    if not run.git.commit:
        run.ClearField("git")
    if not run.selection.ListFields():
        # It is unset for the whole spec, as in a run's folder.
        run.ClearField("selection")
    return run


def _state(run: query_pb2.Run, *, has_ended: bool) -> query_pb2.RunState.ValueType:
    if has_ended:
        return query_pb2.RUN_STATE_ENDED
    return query_pb2.RUN_STATE_RUNNING if run.connected else query_pb2.RUN_STATE_UNSPECIFIED


def sighting_of(values: Sequence[Any]) -> query_pb2.Sighting:
    """Returns the sighting of a row with SIGHTING_NAMES."""
    run, ident, started, commit, branch, dirty = values
    git = query_pb2.Git(commit=commit, branch=branch, dirty=bool(dirty)) if commit else None
    return query_pb2.Sighting(run=run, ident=ident, started_unix_nanos=started, git=git)


def repeated(database: Database, run: int) -> int:
    """Returns the run that a rerun repeats, directly or indirectly; for another run, the run itself.

    It is the last one that the hub has.
    """
    runs = database.models.runs
    seen = {run}
    while rows := database.rows(runs.select(runs.parent).where(runs.id == run)):
        above = rows[0][0] and database.rows(
            runs.select(runs.id).where(runs.run == rows[0][0], runs.deleted == 0)
        )
        if not above or above[0][0] in seen:
            break
        run = above[0][0]
        seen.add(run)
    return run


def series_of(database: Database, run: int) -> tuple[str, str]:
    """Returns ident and selection key of a run's series.

    A rerun of a run that is unknown here is compared with the series of the whole spec.
    """
    runs = database.models.runs
    rows = database.rows(runs.select(runs.ident, runs.series, runs.parent).where(runs.id == run))
    return (rows[0][0], "" if rows[0][2] else rows[0][1]) if rows else ("", "")


def rows_of_runs(
    database: Database, numbers: Sequence[int], names: Sequence[str]
) -> dict[int, Sequence[Any]]:
    """Returns columns of these runs by number, without runs that are being removed."""
    runs = database.models.runs
    rows: dict[int, Sequence[Any]] = {}
    for at in range(0, len(numbers), _PIECE):
        query = runs.select(runs.id, *fields_of(runs, names)).where(
            runs.id.in_(numbers[at : at + _PIECE]), runs.deleted == 0
        )
        rows.update((row[0], row[1:]) for row in database.rows(query))
    return rows
