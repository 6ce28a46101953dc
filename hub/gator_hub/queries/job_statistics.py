"""Counts how the jobs of a series ended in its last runs: which are flaky, slow or fail often."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import peewee as pw
from msgspec import Struct

from gator.core.history.series import key_of
from gator.errors import UsageError
from gator.v1 import common_pb2, hub_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database

_DEFAULT_RUNS: Final = 20
_MAX_RUNS: Final = 200


class _Ends(Struct, frozen=True):
    """How a job ended in all runs with one commit and seed."""

    path: str
    runs: int
    passed: int
    retried: int
    wall_nanos: int
    max_wall_nanos: int
    is_comparable: bool
    """Whether the commit is known and had no changes."""


def job_statistics(
    database: Database, request: hs.ListJobStatisticsRequest
) -> tuple[Sequence[hub_pb2.JobStatistics], int]:
    """Returns all jobs in the order of a request, and the number of runs that were looked at.

    Raises UsageError for an unknown order.
    """
    keys = {
        hs.JOB_STATISTICS_ORDER_UNSPECIFIED: _flaky,
        hs.JOB_STATISTICS_ORDER_FLAKY: _flaky,
        hs.JOB_STATISTICS_ORDER_SLOW: _slow,
        hs.JOB_STATISTICS_ORDER_FAILED: _failed,
    }
    key = keys.get(request.order)
    if key is None:
        raise UsageError(f"there is no order {request.order} of the statistics of jobs")
    numbers = _last_runs(database, request)
    return _sorted(_folded(_ends(database, numbers)), key) if numbers else (), len(numbers)


def _last_runs(database: Database, request: hs.ListJobStatisticsRequest) -> Sequence[int]:
    runs = database.models.runs
    query = (
        runs.select(runs.id)
        .where(
            runs.ident == request.ident,
            runs.series == key_of(request.selection),
            runs.parent == "",
            runs.deleted == 0,
        )
        .order_by(runs.started_unix_nanos.desc(), runs.id.desc())
        .limit(min(request.runs or _DEFAULT_RUNS, _MAX_RUNS))
    )
    return [number for (number,) in database.rows(query)]


def _ends(database: Database, numbers: Sequence[int]) -> Iterable[_Ends]:
    runs, nodes = database.models.runs, database.models.nodes
    passed = pw.Case(None, ((nodes.outcome == common_pb2.OUTCOME_PASSED, 1),), 0)
    retried = pw.Case(None, (((nodes.outcome == common_pb2.OUTCOME_PASSED) & (nodes.attempts > 1), 1),), 0)
    wall = pw.fn.COALESCE(nodes.wall_nanos, 0)
    conditions = (nodes.path, runs.commit_hash, runs.dirty, nodes.seed)
    query = (
        nodes.select(
            *conditions,
            pw.fn.COUNT(nodes.path),
            pw.fn.SUM(passed),
            pw.fn.SUM(retried),
            pw.fn.SUM(wall),
            pw.fn.MAX(wall),
        )
        .join(runs, on=runs.id == nodes.run)
        .where(
            nodes.run.in_(numbers),
            nodes.kind == common_pb2.NODE_KIND_JOB,
            nodes.outcome.in_((common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED)),
        )
        .group_by(*conditions)
    )
    for path, commit, dirty, _, count, passes, retries, walls, longest in database.rows(query):
        # PostgreSQL returns sums as decimals.
        yield _Ends(path, count, int(passes), int(retries), int(walls), longest, bool(commit and not dirty))


def _folded(ends: Iterable[_Ends]) -> Iterable[hub_pb2.JobStatistics]:
    by_path: dict[str, hub_pb2.JobStatistics] = {}
    for end in ends:
        job = by_path.setdefault(end.path, hub_pb2.JobStatistics(path=end.path.partition("/")[2]))
        job.runs += end.runs
        job.passed += end.passed
        job.retried += end.retried
        if end.is_comparable and end.passed:
            job.unstable += end.runs - end.passed
        # The sum, until all are known.
        job.mean_wall_nanos += end.wall_nanos
        job.max_wall_nanos = max(job.max_wall_nanos, end.max_wall_nanos)
    for job in by_path.values():
        job.mean_wall_nanos //= job.runs
    return by_path.values()


def _sorted(
    jobs: Iterable[hub_pb2.JobStatistics], key: Callable[[hub_pb2.JobStatistics], Any]
) -> Sequence[hub_pb2.JobStatistics]:
    return sorted((job for job in jobs if key(job)), key=lambda job: (-key(job), job.path))


def _flaky(job: hub_pb2.JobStatistics) -> int:
    return job.retried + job.unstable


def _slow(job: hub_pb2.JobStatistics) -> int:
    return job.mean_wall_nanos


def _failed(job: hub_pb2.JobStatistics) -> int:
    return job.runs - job.passed
