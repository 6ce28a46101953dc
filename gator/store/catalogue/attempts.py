"""Reads attempts at jobs."""

from typing import Any

from gator.core.pages import AttemptList, JobAttempt, Over, never
from gator.path_patterns import PathPattern
from gator.store.catalogue import messages
from gator.store.catalogue.tables import PIECE, CatalogueTables, candidates
from gator.store.sql_condition import SqlCondition
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_SELECT = f"SELECT {messages.columns_sql(messages.ATTEMPT_NAMES, 'n')} FROM attempts AS n"  # noqa: S608


class AttemptReader(CatalogueTables):
    """Reads attempts of one job, or the last ones of many jobs."""

    def attempts(self, path: str) -> list[query_pb2.Attempt]:
        """Returns the attempts at a job in their order, without their command lines."""
        where = self._where("n").add("n.path = ?", path)
        sql = f"{_SELECT} WHERE {where.text} ORDER BY n.number"
        rows = self._query(sql, where.values)
        return [messages.attempt_of(row) for row in rows]

    def job_attempts(
        self, request: qs.ListLinesRequest, after: str, limit: int, over: Over = never
    ) -> AttemptList:
        """Returns the attempts for a request for lines, in the order of the spec, after a sort key.

        Fewer than `limit` are returned at the end, or if `over` returns true while globs are matched.
        """
        patterns = [PathPattern(glob) for glob in request.globs]
        piece = max(limit, PIECE) if patterns else limit
        below = qs.ListNodesRequest(path=request.path, scope=qs.SCOPE_SUBTREE)
        scope = self._where()
        self._add_scope(scope, below)
        attempts: list[JobAttempt] = []
        while True:
            end = self._window_end(scope, after) if patterns else None
            rows = self._job_attempts(request, scope, candidates(patterns, after, end), piece)
            for row in rows:
                attempt = JobAttempt(*row)
                after = attempt.sort_key
                if not patterns or any(pattern.matches(attempt.path) for pattern in patterns):
                    attempts.append(attempt)
                    if len(attempts) == limit:
                        return AttemptList(attempts, after)
            if len(rows) < piece:
                if end is None:
                    return AttemptList(attempts, None)
                after = end
            if over():
                return AttemptList(attempts, after)

    def _job_attempts(
        self, request: qs.ListLinesRequest, scope: SqlCondition, within: SqlCondition, limit: int
    ) -> list[Any]:
        where = SqlCondition().add(scope.text, *scope.values).add(within.text, *within.values)
        run = "" if self._run is None else " AND {table}.run = n.run"
        where.add(f"a.path = n.path{run.format(table='a')}")
        if request.attempt:
            where.add("a.number = ?", request.attempt)
        else:
            last = f"SELECT max(b.number) FROM attempts AS b WHERE b.path = n.path{run.format(table='b')}"  # noqa: S608
            where.add(f"a.number = ({last})")
        if request.since_unix_nanos:
            where.add("(a.ended_unix_nanos IS NULL OR a.ended_unix_nanos >= ?)", request.since_unix_nanos)
        if request.until_unix_nanos:
            where.add("(a.started_unix_nanos IS NULL OR a.started_unix_nanos < ?)", request.until_unix_nanos)
        # A cross join makes SQLite start with its left side, whose index has the order.
        sql = (
            "SELECT n.sort, n.path, a.number, coalesce(a.store, ''), a.ended_unix_nanos,"  # noqa: S608
            " a.stdout_lines, a.stderr_lines, a.log_files"
            f" FROM nodes AS n CROSS JOIN attempts AS a WHERE {where.text} ORDER BY n.sort LIMIT ?"
        )
        return self._query(sql, [*where.values, limit])
