"""The failures of a run by their signature, and where else each was seen.

Rule: how long it takes follows from the failures of the run and the number of runs, not from all jobs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gator.store.catalogue_reader import CatalogueReader
from gator.store.catalogue_where import Condition
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator_hub.database import Database
from gator_hub.run_rows import SIGHTING_COLUMNS, sighting_of
from gator_hub.runs import rows_of_runs

FAILING = (common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST)
_PIECE = 256
_EXAMPLE = "n.signature, n.ended_unix_nanos, n.path, n.reason, n.seed, n.message, n.first_error, n.sort"
# The index by signature and run is walked from run to run, however many jobs each has.
_SEEN = """
WITH RECURSIVE wanted (signature) AS (VALUES {marks}),
seen (signature, run) AS (
    SELECT w.signature, (SELECT min(n.run) FROM nodes AS n WHERE n.signature = w.signature) FROM wanted AS w
    UNION ALL
    SELECT s.signature, (
        SELECT min(n.run) FROM nodes AS n WHERE n.signature = s.signature AND n.run > s.run
    ) FROM seen AS s WHERE s.run IS NOT NULL
)
SELECT s.signature, s.run FROM seen AS s WHERE s.run IS NOT NULL
"""

Group = tuple[str, int, int]
"""A signature, its number of jobs, and when the first of them ended."""


def list_failures(
    database: Database, run: int, path: str, skip: int, limit: int
) -> list[hub_pb2.FailureGroup]:
    """The groups of a run's failures below `path`, the most frequent first, at most `limit` after `skip`."""
    where = _failed(run)
    if "/" in path:
        where.add("n.sort >= ? AND n.sort < ?", *CatalogueReader(database.query, run).span(path))
    counted: list[Group] = database.query(
        "SELECT coalesce(n.signature, ''), count(*), min(n.ended_unix_nanos) FROM nodes AS n"  # noqa: S608
        f" WHERE {where.text} GROUP BY 1 ORDER BY 2 DESC, 3, 1 LIMIT ? OFFSET ?",
        [*where.values, limit, skip],
    )
    examples: dict[str, Sequence[Any]] = {}
    seen: dict[str, list[int]] = {}
    for at in range(0, len(counted), _PIECE):
        some = counted[at : at + _PIECE]
        examples.update(_examples(database, where, some))
        seen.update(_seen(database, [signature for signature, _, _ in some if signature]))
    sightings = _sightings(database, {run, *(number for numbers in seen.values() for number in numbers)})
    return [
        _group(group, examples[group[0]], run, seen.get(group[0], [run]), sightings)
        for group in counted
        if group[0] in examples
    ]


def _failed(run: int) -> Condition:
    where = Condition().run("n", run).numbers("n.kind", [common_pb2.NODE_KIND_JOB])
    return where.numbers("n.state", [query_pb2.NODE_STATE_ENDED]).numbers("n.outcome", FAILING)


def _examples(database: Database, where: Condition, groups: Sequence[Group]) -> dict[str, Sequence[Any]]:
    """The failure of each group that ended first."""
    asked = Condition().add(where.text, *where.values)
    asked.one_of("coalesce(n.signature, '')", [signature for signature, _, _ in groups])
    asked.one_of("n.ended_unix_nanos", [ended for _, _, ended in groups])
    wanted = {signature: ended for signature, _, ended in groups}
    found: dict[str, Sequence[Any]] = {}
    rows = database.query(
        f"SELECT {_EXAMPLE} FROM nodes AS n WHERE {asked.text}",  # noqa: S608 - constant
        asked.values,
    )
    # Sorted here, since a database would rather walk the whole tree in its order.
    for row in sorted(rows, key=lambda row: row[-1]):
        signature = row[0] or ""
        if wanted.get(signature) == row[1]:
            found.setdefault(signature, row)
    return found


def _seen(database: Database, signatures: Sequence[str]) -> dict[str, list[int]]:
    """The numbers of all runs in which failures with these signatures were seen."""
    found: dict[str, list[int]] = {}
    if signatures:
        marks = ", ".join(["(CAST(? AS TEXT))"] * len(signatures))
        for signature, run in database.query(_SEEN.format(marks=marks), signatures):
            found.setdefault(signature, []).append(run)
    return found


def _sightings(database: Database, runs: set[int]) -> Mapping[int, hub_pb2.Sighting]:
    rows = rows_of_runs(database, sorted(runs), SIGHTING_COLUMNS)
    return {number: sighting_of(row) for number, row in rows.items()}


def _group(
    group: Group,
    example: Sequence[Any],
    run: int,
    seen: Sequence[int],
    sightings: Mapping[int, hub_pb2.Sighting],
) -> hub_pb2.FailureGroup:
    signature, jobs, _ = group
    _, _, path, reason, seed, message, first_error, _ = example
    found = hub_pb2.FailureGroup(
        signature=signature,
        reason=reason or common_pb2.REASON_UNSPECIFIED,
        jobs=jobs,
        example=path,
        seed=seed or 0,
        message=message or "",
    )
    if first_error is not None:
        found.first_error.CopyFrom(event_pb2.Offence.FromString(bytes(first_error)))
    # By their start, not by when the hub heard of them.
    order = sorted((sightings[at].started_unix_nanos, at) for at in {run, *seen} if at in sightings)
    found.runs = len(order)
    if order:
        found.first.CopyFrom(sightings[order[0][1]])
    place = [at for _, at in order].index(run) if run in sightings else 0
    if place:
        found.before.CopyFrom(sightings[order[place - 1][1]])
    return found
