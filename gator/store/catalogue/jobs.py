"""Reads the jobs and groups that summaries and the causes of waiting need, without making their messages."""

import json
from collections.abc import Mapping, Sequence

from gator.core.dispatch.pools import DemandKey
from gator.core.history.failure_groups import FailedJob
from gator.core.outcomes import FAILURES
from gator.core.pages import OpenGroup
from gator.store.catalogue.tables import ARRAY, ENDED, GROUP, JOB, RUNNING, CatalogueTables, pieces
from gator.v1 import event_pb2
from gator.v1 import query_service_pb2 as qs


class JobReader(CatalogueTables):
    """Counts and selects jobs and groups."""

    _SIGNATURES = "n.signature, ''"
    """Columns with the signature of a failure and the one that another version recorded."""

    def failed(self, path: str) -> list[FailedJob]:
        """Returns the failed and lost jobs at and below a node, and groups that failed by themselves.

        A job in which several tests failed is returned once for each cause.
        """
        # A group whose own contract is broken is a failure too, and then its own first one.
        where = self._where().numbers("n.kind", [JOB, GROUP, ARRAY]).numbers("n.state", [ENDED])
        where.numbers("n.outcome", sorted(FAILURES)).add(f"(n.kind = {JOB} OR n.first_failure = n.path)")
        if "/" in path:
            where.add("n.sort >= ? AND n.sort < ?", *self.span(path))
        rows = self._query(
            "SELECT n.path, coalesce(n.first_failure_unix_nanos, n.ended_unix_nanos),"  # noqa: S608
            f" {self._SIGNATURES}, n.allow_failure, n.failed_tests FROM nodes AS n WHERE {where.text}",
            where.values,
        )
        return [
            job
            for path, ended, signature, former, is_allowed, tests in rows
            for job in _of_causes(
                FailedJob(path, signature or "", ended, former or "", bool(is_allowed)), tests
            )
        ]

    def open_groups(self, path: str) -> list[OpenGroup]:
        """Returns the declared groups and arrays that have not ended: a node and those below it."""
        where = self._where().add("n.kind <> ?", JOB).add("n.state <> ?", ENDED)
        below = qs.ListNodesRequest(path=path, scope=qs.SCOPE_SUBTREE)
        self._add_scope(where, below)
        sql = f"SELECT n.sort, n.path, n.template FROM nodes AS n WHERE {where.text}"  # noqa: S608
        return [OpenGroup(*row) for row in self._query(sql, where.values)]

    def declared_children(self, paths: Sequence[str]) -> dict[tuple[str, str], int]:
        """Returns the number of declared children of these nodes, by the node and by their template path."""
        counts: dict[tuple[str, str], int] = {}
        for some in pieces(paths):
            where = self._where().one_of("n.parent", some).add("n.declared_unix_nanos IS NOT NULL")
            sql = (
                f"SELECT n.parent, n.template, count(*) FROM nodes AS n WHERE {where.text}"  # noqa: S608
                " GROUP BY n.parent, n.template"
            )
            for parent, template, count in self._query(sql, where.values):
                counts[parent, template] = count
        return counts

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Returns the numbers of declared and of ended jobs by template path."""
        where = self._where().add("n.kind = ?", JOB)
        sql = (
            f"SELECT n.template, count(*), count(CASE WHEN n.state = {ENDED} THEN 1 END)"  # noqa: S608
            f" FROM nodes AS n WHERE {where.text} GROUP BY n.template"
        )
        rows = self._query(sql, where.values)
        return {template: (declared, ended) for template, declared, ended in rows}

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """Returns the running jobs with their demands."""
        where = self._where().add("n.kind = ?", JOB).add("n.state = ?", RUNNING)
        sql = f"SELECT n.path, n.cores, n.memory_bytes, n.licenses FROM nodes AS n WHERE {where.text}"  # noqa: S608
        return [
            (path, DemandKey(cores or 0, memory or 0, tuple(sorted(json.loads(licenses or "{}").items()))))
            for path, cores, memory, licenses in self._query(sql, where.values)
        ]


def _of_causes(job: FailedJob, tests: bytes | None) -> Sequence[FailedJob]:
    """Returns a failed job once for each of its causes; `tests` are the tests that failed."""
    if tests is None:
        return [job]
    failed = event_pb2.FailedTests.FromString(tests).list
    return [
        job
        if test.signature == job.signature
        else job._replace(signature=test.signature, former_signature="")
        for test in failed
    ]
