"""Overlays the reruns of runs on them.

Invariant: the jobs of a run are read only if it has reruns, and enough of their jobs passed to clear it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import peewee as pw

from gator.core.history.cause_rules import CauseRules
from gator.core.history.overlay import Ended, OverlaidJob, clearing_rerun, overlay_outcomes
from gator.core.launch.parameters import params_of_runs
from gator.core.outcomes import FAILURES, was_not_needed
from gator.v1 import attach_pb2, common_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.database.models import Model
from gator_hub.queries.own_signatures import HubCatalogue
from gator_hub.queries.run_rows import SIGHTING_NAMES, fields_of, rows_of_runs, sighting_of

_ENDED = (common_pb2.OUTCOME_PASSED, *sorted(FAILURES))
_JOB = int(common_pb2.NODE_KIND_JOB)


class Rerun(NamedTuple):
    """A run that repeats a part of another one."""

    number: int
    sighting: query_pb2.Sighting


def reruns_query(runs: Model, parent: str) -> Any:
    """Returns a query for the ids of all direct and indirect reruns of a run.

    UNION drops duplicates, so cycles end.
    """
    first, further = runs.alias(), runs.alias()
    direct = first.select(first.run).where(first.parent == parent, first.deleted == 0)
    reruns = direct.cte("reruns", recursive=True, columns=("run",))
    indirect = further.select(further.run).join(reruns, on=further.parent == reruns.c.run)
    query = reruns.union(indirect.where(further.deleted == 0))
    return query.select_from(query.c.run)


def reruns_of(database: Database, run: str) -> list[Rerun]:
    """Returns the direct and indirect reruns of a run, given by its id, oldest first."""
    runs = database.models.runs
    query = (
        runs.select(runs.id, *fields_of(runs, SIGHTING_NAMES))
        .where(runs.run.in_(reruns_query(runs, run)), runs.run != run, runs.deleted == 0)
        .order_by(runs.started_unix_nanos, runs.id)
    )
    return [Rerun(number, sighting_of(row)) for number, *row in database.rows(query)]


def cleared_causes(
    database: Database, run: int, name: str, before: int, rules: CauseRules | None
) -> dict[str, query_pb2.Sighting]:
    """Returns the causes of a run whose failures all passed in reruns, each with the last of these.

    The run is given by its number and id. Only reruns count that started `before` a time in nanoseconds since
    1970. `rules` name the causes; None stands for those of the hub and of the run.
    """
    reruns = [rerun for rerun in reruns_of(database, name) if rerun.sighting.started_unix_nanos < before]
    if not reruns:
        return {}
    jobs = _overlaid(database, run, reruns)
    paths: dict[str, list[str]] = {}
    for job in HubCatalogue(database.query, run).failed("", rules):
        paths.setdefault(job.key, []).append(job.path)
    sightings = {rerun.sighting.run: rerun.sighting for rerun in reruns}
    cleared = {cause: clearing_rerun(jobs, at, list(sightings)) for cause, at in paths.items()}
    return {cause: sightings[rerun] for cause, rerun in cleared.items() if rerun is not None}


def passed_reruns(database: Database, runs: Mapping[int, query_pb2.Run]) -> dict[int, str]:
    """Returns the last rerun in which failures passed, for runs whose failures all have.

    `runs` are those of a list, by number.
    """
    failed = {
        run.id: number for number, run in runs.items() if run.result.outcome in FAILURES and not run.parent
    }
    passed: dict[int, str] = {}
    for name in _having_reruns(database, failed):
        number = failed[name]
        reruns = reruns_of(database, name)
        tally = runs[number].tally
        if _passed(database, reruns) < tally.failed + tally.lost:
            continue
        jobs = _overlaid(database, number, reruns)
        if not _pruned(database, number).issubset(jobs):
            continue
        if rerun := clearing_rerun(jobs, jobs, [rerun.sighting.run for rerun in reruns]):
            passed[number] = rerun
    return passed


def _having_reruns(database: Database, names: Collection[str]) -> list[str]:
    if not names:
        return []
    runs = database.models.runs
    query = runs.select(runs.parent).where(runs.parent.in_(list(names)), runs.deleted == 0).distinct()
    return [name for (name,) in database.rows(query)]


def _passed(database: Database, reruns: Sequence[Rerun]) -> int:
    """Returns the number of jobs that passed in reruns."""
    nodes = database.models.nodes
    query = nodes.select(pw.fn.COUNT(nodes.path)).where(
        nodes.run.in_([rerun.number for rerun in reruns]),
        nodes.kind == _JOB,
        nodes.outcome == common_pb2.OUTCOME_PASSED,
    )
    return int(database.rows(query)[0][0])


def _pruned(database: Database, run: int) -> set[str]:
    """Returns the jobs of a run that a failure prevented."""
    nodes = database.models.nodes
    pruned = common_pb2.OUTCOME_PRUNED
    query = nodes.select(nodes.path, nodes.reason).where(
        nodes.run == run, nodes.kind == _JOB, nodes.outcome == pruned
    )
    return {path for path, reason in database.rows(query) if not was_not_needed(pruned, reason)}


def _overlaid(database: Database, run: int, reruns: Sequence[Rerun]) -> dict[str, OverlaidJob]:
    """Returns the failed jobs of a run, and all jobs of its reruns, with the reruns overlaid."""
    numbers = [run, *(rerun.number for rerun in reruns)]
    names = {number: row[0] for number, row in rows_of_runs(database, numbers, ("run",)).items()}
    ends = ((names[number], _ended(database, number, number == run)) for number in numbers if number in names)
    return overlay_outcomes(ends, params_of_runs(_described(database, names)))


def _ended(database: Database, run: int, is_repeated: bool) -> Iterable[Ended]:
    nodes = database.models.nodes
    outcomes = sorted(FAILURES) if is_repeated else _ENDED
    query = nodes.select(nodes.path, nodes.outcome, nodes.seed).where(
        nodes.run == run, nodes.kind == _JOB, nodes.outcome.in_(outcomes)
    )
    return ((path, outcome, seed or 0) for path, outcome, seed in database.rows(query))


def _described(database: Database, names: Mapping[int, str]) -> Iterable[query_pb2.Run]:
    """Yields the runs with their parameters."""
    descriptions = database.models.descriptions
    query = descriptions.select(descriptions.run, descriptions.description).where(
        descriptions.run.in_(list(names))
    )
    for number, blob in database.rows(query):
        described = attach_pb2.RunDescription.FromString(bytes(blob)).run
        yield query_pb2.Run(id=names[number], params=described.params)
