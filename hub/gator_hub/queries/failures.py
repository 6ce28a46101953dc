"""Finds the runs in which failures with the same signatures were seen.

Invariant: the time depends on the number of runs with such failures, not on the number of jobs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from gator.core.history.cause_rules import CauseRules
from gator.core.history.sightings import Cleared, Ran, add_sightings
from gator.v1 import query_pb2
from gator_hub.database.database import Database
from gator_hub.queries.ran import CausesIn, RanJobs
from gator_hub.queries.reruns import cleared_causes
from gator_hub.queries.run_rows import (
    SIGHTING_NAMES,
    fields_of,
    repeated,
    rows_of_runs,
    series_of,
    sighting_of,
)
from gator_hub.queries.stale import is_signed

MAX_IDENTS = 5
"""Maximum number of idents listed of other series."""
_PIECE = 256
MAX_RULED_RUNS = 50
"""Maximum number of runs of a series whose failures are compared with rules, as in folders."""
_MAX_SERIES = 1000
"""Maximum number of earlier runs of a series in which the absence of a failure is looked for."""
# A loose index scan by signature and run: one lookup for each run, regardless of its number of jobs.
_SEEN = """
WITH RECURSIVE wanted (signature) AS (VALUES {values}),
seen (signature, run) AS (
    SELECT w.signature, (
        SELECT min(n.run) FROM {table} AS n WHERE n.{column} = w.signature
    ) FROM wanted AS w
    UNION ALL
    SELECT s.signature, (
        SELECT min(n.run) FROM {table} AS n WHERE n.{column} = s.signature AND n.run > s.run
    ) FROM seen AS s WHERE s.run IS NOT NULL
)
SELECT s.signature, s.run FROM seen AS s WHERE s.run IS NOT NULL
"""


class _Seen(Struct, frozen=True, order=True):
    """A run with a failure. Runs are ordered by their start, not by their arrival at the hub."""

    started_unix_nanos: int
    number: int
    series: tuple[str, str]
    is_repeat: bool
    sighting: query_pb2.Sighting


class _Newest(Struct, frozen=True):
    """The newest earlier runs of a series by their ids."""

    sightings: Mapping[str, query_pb2.Sighting]
    numbers: Mapping[str, int]


def sightings(
    database: Database,
    run: int,
    causes: Sequence[str],
    causes_in: CausesIn | None = None,
    rules: CauseRules | None = None,
) -> dict[str, query_pb2.FailureGroup]:
    """Returns the sightings of a run's failures in other runs, by cause: by name, else by signature.

    First, last and number of runs are those of the run's series; runs of other series are counted separately.
    Where `rules` name causes, `causes_in` says what the newest runs of the series have by them. Returns
    nothing until the failures of the past are signed: one of them would be called new.
    """
    if not is_signed(database):
        return {}
    numbers: dict[str, set[int]] = {cause: set() for cause in causes}
    for at in range(0, len(causes), _PIECE):
        for signature, number in _numbers(database, causes[at : at + _PIECE]):
            numbers[signature].add(number)
    top = repeated(database, run)
    series = series_of(database, top)
    jobs = RanJobs(database, run)
    if causes_in is not None:
        jobs.ruled[run] = causes_in(run, False)
        jobs.ruled |= _apply_rules(database, series, numbers, causes_in)
    runs = _runs(database, {top, *(number for some in numbers.values() for number in some)})
    this = runs.get(top)
    if this is None:
        return {}
    newest = _newest(database, series, this.started_unix_nanos)
    jobs.cleared_in = partial(cleared_causes, database, before=this.started_unix_nanos, rules=rules)
    jobs.numbers |= {**newest.numbers} | {run.sighting.run: number for number, run in runs.items()}
    return {
        cause: _group(
            this,
            series,
            newest.sightings,
            [runs[at] for at in {top, *numbers[cause]} if at in runs],
            jobs.ran(cause),
            jobs.cleared(cause),
        )
        for cause in causes
    }


def _apply_rules(
    database: Database, series: tuple[str, str], numbers: Mapping[str, set[int]], causes_in: CausesIn
) -> Mapping[int, Mapping[str, str]]:
    """Replaces what is known of the newest runs of a series by the causes that they have by rules.

    Returns these causes by run, each with its first job.
    """
    ruled: dict[int, Mapping[str, str]] = {}
    runs = database.models.runs
    query = (
        runs.select(runs.id, runs.outcome)
        .where(runs.ident == series[0], runs.series == series[1], runs.parent == "", runs.deleted == 0)
        .order_by(runs.started_unix_nanos.desc())
        .limit(MAX_RULED_RUNS)
    )
    for number, outcome in database.rows(query):
        causes = ruled[number] = causes_in(number, outcome is not None)
        for cause, having in numbers.items():
            having.discard(number)
            if cause in causes:
                having.add(number)
    return ruled


def _newest(database: Database, series: tuple[str, str], started: int) -> _Newest:
    """Returns the newest runs of a series that started before a time."""
    runs = database.models.runs
    query = (
        runs.select(runs.id, *fields_of(runs, SIGHTING_NAMES))
        .where(runs.ident == series[0], runs.series == series[1], runs.parent == "", runs.deleted == 0)
        .where(runs.started_unix_nanos < started)
        .order_by(runs.started_unix_nanos.desc())
        .limit(_MAX_SERIES)
    )
    sightings = [(number, sighting_of(row)) for number, *row in database.rows(query)]
    return _Newest(
        {sighting.run: sighting for _, sighting in sightings},
        {sighting.run: number for number, sighting in sightings},
    )


def _numbers(database: Database, signatures: Sequence[str]) -> Iterable[tuple[str, int]]:
    """Returns signature and run number of all runs in which failures with these signatures were seen."""
    values = ", ".join(["(CAST(? AS TEXT))"] * len(signatures))
    for table, column in (("nodes", "own_signature"), ("failed_tests", "signature")):
        yield from database.query(_SEEN.format(values=values, table=table, column=column), signatures)


def _runs(database: Database, numbers: Iterable[int]) -> Mapping[int, _Seen]:
    rows = rows_of_runs(database, sorted(numbers), ("series", "parent", *SIGHTING_NAMES))
    runs: dict[int, _Seen] = {}
    for number, (series, parent, *row) in rows.items():
        sighting = sighting_of(row)
        started = sighting.started_unix_nanos
        runs[number] = _Seen(started, number, (sighting.ident, series), bool(parent), sighting)
    return runs


def _group(
    this: _Seen,
    series: tuple[str, str],
    newest: Mapping[str, query_pb2.Sighting],
    runs: Sequence[_Seen],
    ran: Ran,
    cleared: Cleared,
) -> query_pb2.FailureGroup:
    mine = {run.sighting.run: run.sighting for run in runs if run.series == series and not run.is_repeat}
    group = query_pb2.FailureGroup()
    add_sightings(group, this.sighting, {**newest, **mine}.values(), mine, ran, cleared)
    others = sorted(run for run in runs if run is not this and run.series != series and not run.is_repeat)
    if others:
        idents = Counter(run.sighting.ident for run in others)
        group.elsewhere.CopyFrom(
            query_pb2.Elsewhere(
                runs=len(others),
                first=others[0].sighting,
                idents=[ident for ident, _ in idents.most_common(MAX_IDENTS)],
            )
        )
    return group
