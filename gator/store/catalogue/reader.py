"""Nodes, attempts and metrics of one run out of the tables of the catalogue, as messages of the schema.

Invariant: the SQL is good for SQLite and PostgreSQL, and the same for a run's own store and for tables that
hold many runs.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from gator.core.dispatch.pools import DemandKey
from gator.core.history.failure_groups import FailedJob
from gator.core.outcomes import FAILURES
from gator.core.pages import AttemptList, JobAttempt, NodeList, OpenGroup, Over, Place, never
from gator.paths import PathPattern
from gator.store.catalogue import messages
from gator.store.catalogue.conditions import (
    BEFORE,
    BY_SPEC_WITHOUT_INDEX,
    LAST_BELOW,
    add_scope,
    is_of_few,
    order_of,
    parts_of,
    span,
)
from gator.store.condition import Condition
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

Query: TypeAlias = Callable[[str, Sequence[object]], list[Any]]
"""Returns all rows of a SELECT, with `?` for its values."""

_JOB = int(common_pb2.NODE_KIND_JOB)
_ENDED = int(query_pb2.NODE_STATE_ENDED)
_RUNNING = int(query_pb2.NODE_STATE_RUNNING)
_PIECE = 1000
_WINDOW = 20_000
"""Number of nodes whose paths one statement compares with patterns, so that a query is bounded in time."""
_MAX_LIKES = 20
"""Maximum number of patterns that the database compares; more are compared here only."""
_MAX_PATHS = 512
"""Maximum number of paths in one statement."""
_COUNTS = "(count(*) - count(n.outcome)) || " + " || ".join(
    f"' ' || count(CASE WHEN n.outcome = {outcome} THEN 1 END)"
    for outcome in range(1, max(common_pb2.Outcome.values()) + 1)
)
"""Numbers of nodes by outcome, those that go on first, in one text: a subquery gives one value."""
_SELECT_NODES = (
    f"SELECT {messages.columns_sql(messages.NODE_NAMES, 'n')}, a.host FROM nodes AS n"  # noqa: S608 - constant
    " LEFT JOIN attempts AS a ON a.path = n.path AND a.number = n.attempts"
)
"""Selects nodes with the host of their last attempt."""
_NODE_NAMES = (*messages.NODE_NAMES, "host")
_SELECT_ATTEMPTS = f"SELECT {messages.columns_sql(messages.ATTEMPT_NAMES, 'n')} FROM attempts AS n"  # noqa: S608
_METRIC_COLUMNS = messages.columns_sql(("path", *messages.METRIC_NAMES), "n")


class CatalogueReader:
    """The catalogue of one run. Its methods may be called from several threads if `query` may."""

    def __init__(self, query: Query, run: int | None = None) -> None:
        """Uses `query` for a run. `run` is its number in tables of many runs; None for a store of one run."""
        self._query = query
        self._run = run

    # -- nodes

    def root(self) -> query_pb2.Node | None:
        """Returns the root; None if nothing was declared yet."""
        where = self._where().add("n.parent = ''")
        found = self._rows(where, " LIMIT 1")
        return self._made(found)[0] if found else None

    def node(self, path: str) -> query_pb2.Node | None:
        """Returns a declared node; None if there is no such node."""
        found = self.by_paths([path])
        return found[0] if found else None

    def has_node(self, path: str) -> bool:
        """Returns whether the catalogue has a node, declared or not."""
        where = self._where().add("n.path = ?", path)
        return bool(self._query(f"SELECT 1 FROM nodes AS n WHERE {where.text}", where.values))  # noqa: S608

    def by_paths(self, paths: Sequence[str]) -> list[query_pb2.Node]:
        """Returns those of these nodes that exist, in this order."""
        rows: dict[str, dict[str, Any]] = {}
        for some in _pieces(paths):
            found = self._rows(self._where().one_of("n.path", some))
            rows.update((row["path"], row) for row in found)
        return self._made([rows[path] for path in paths if path in rows])

    def nodes(
        self,
        wanted: qs.ListNodesRequest,
        after: Place | None,
        limit: int,
        over: Over = never,
    ) -> NodeList:
        """Returns the declared nodes that pass, in the requested order, each with its place.

        Fewer than `limit` are returned at the end, or if `over` returns true while globs are matched.
        """
        now = int(after[2]) if after else time.time_ns()
        patterns = [PathPattern(glob) for glob in wanted.globs]
        if patterns and order_of(wanted) == qs.NODE_ORDER_SPEC and not is_of_few(wanted):
            return self._matching(wanted, patterns, after, limit, over)
        piece = max(limit, _PIECE) if patterns else limit
        at = after
        places: list[Place] = []
        paths: list[str] = []
        while True:
            rows = self._places(wanted, at, piece, now)
            for path, place, sort in rows:
                at = [place, sort, now]
                if not patterns or any(pattern.matches(path) for pattern in patterns):
                    places.append(at)
                    paths.append(path)
                    if len(paths) == limit:
                        return NodeList(self._placed(places, paths), at)
            if len(rows) < piece:
                return NodeList(self._placed(places, paths), None)
            if over():
                return NodeList(self._placed(places, paths), at)

    def _matching(
        self,
        wanted: qs.ListNodesRequest,
        patterns: Sequence[PathPattern],
        after: Place | None,
        limit: int,
        over: Over,
    ) -> NodeList:
        """Returns nodes whose paths match, in the order of the spec."""
        scope = self._where()
        add_scope(scope, wanted, self.sort_key(wanted.path) if self._is_within(wanted) else "")
        now = int(after[2]) if after else time.time_ns()
        key = str(after[1]) if after else ""
        places: list[Place] = []
        paths: list[str] = []
        while True:
            end = self._window_end(scope, key)
            within = _candidates(patterns, key, end)
            rows = self._query(
                f"SELECT n.path, n.sort FROM nodes AS n WHERE {scope.text} AND {within.text}"  # noqa: S608
                " ORDER BY n.sort LIMIT ?",
                [*scope.values, *within.values, _PIECE],
            )
            for path, key in rows:
                if any(pattern.matches(path) for pattern in patterns):
                    places.append(["", key, now])
                    paths.append(path)
                    if len(paths) == limit:
                        return NodeList(self._placed(places, paths), places[-1])
            if len(rows) < _PIECE:
                if end is None:
                    return NodeList(self._placed(places, paths), None)
                key = end
            if over():
                return NodeList(self._placed(places, paths), ["", key, now])

    def _window_end(self, scope: Condition, key: str) -> str | None:
        """Returns the last sort key of a bounded number of nodes beyond a key; None if there are fewer."""
        rows = self._query(
            f"SELECT n.sort FROM nodes AS n WHERE {scope.text} AND n.sort > ?"  # noqa: S608 - constant parts
            " ORDER BY n.sort LIMIT 1 OFFSET ?",
            [*scope.values, key, _WINDOW],
        )
        return rows[0][0] if rows else None

    def count_nodes(self, wanted: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        counted = qs.ListNodesRequest()
        counted.CopyFrom(wanted)
        # Without the order of the spec any index may be used.
        counted.order = qs.NODE_ORDER_DECLARED
        where = self._where()
        add_scope(where, counted, self.sort_key(counted.path) if self._is_within(counted) else "")
        rows = self._query(f"SELECT count(*) FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return int(rows[0][0])

    def failed(self, path: str) -> list[FailedJob]:
        """Returns the failed and lost jobs at and below a node."""
        where = self._where().numbers("n.kind", [_JOB]).numbers("n.state", [_ENDED])
        where.numbers("n.outcome", sorted(FAILURES))
        if "/" in path:
            where.add("n.sort >= ? AND n.sort < ?", *self.span(path))
        rows = self._query(
            "SELECT n.path, n.signature, coalesce(n.first_failure_unix_nanos, n.ended_unix_nanos)"  # noqa: S608
            f" FROM nodes AS n WHERE {where.text}",
            where.values,
        )
        return [(path, signature or "", ended) for path, signature, ended in rows]

    def _places(self, wanted: qs.ListNodesRequest, after: Place | None, limit: int, now: int) -> list[Any]:
        """Returns path, place and sort key of nodes after a place. Reads no other columns."""
        parts = parts_of(wanted)
        if len(parts) == 1:
            return self._part(wanted, *parts[0], after, limit, now)
        rows = [row for part in parts for row in self._part(wanted, *part, after, limit, now)]
        return sorted(rows, key=itemgetter(1, 2))[:limit]

    def _part(
        self,
        wanted: qs.ListNodesRequest,
        order: str,
        condition: str,
        after: Place | None,
        limit: int,
        now: int,
    ) -> list[Any]:
        order = order.replace(":now", str(now))
        where = self._where().add(condition)
        add_scope(where, wanted, self.sort_key(wanted.path) if self._is_within(wanted) else "")
        if order_of(wanted) == qs.NODE_ORDER_SPEC:
            # The order by sort key alone lets the index of the tree be used.
            sorting = BY_SPEC_WITHOUT_INDEX if is_of_few(wanted) else "n.sort"
            where.add(f"{sorting} > ?", after[1] if after else "")
        else:
            sorting = "place, n.sort"
            place, sort = after[:2] if after else (BEFORE.get(wanted.order, 0), "")
            # The first of these is for SQLite, which begins in no index over an expression by the second.
            where.add(f"{order} >= ? AND ({order}, n.sort) > (?, ?)", place, place, sort)
        sql = (
            f"SELECT n.path, {order} AS place, n.sort FROM nodes AS n"  # noqa: S608 - constant parts
            f" WHERE {where.text} ORDER BY {sorting} LIMIT ?"
        )
        return self._query(sql, [*where.values, limit])

    @staticmethod
    def _is_within(wanted: qs.ListNodesRequest) -> bool:
        return wanted.scope == qs.SCOPE_SUBTREE and "/" in wanted.path

    def sort_key(self, path: str) -> str:
        """Returns the sort key of a node; empty if it was not declared."""
        where = self._where().add("n.path = ?", path)
        rows = self._query(f"SELECT n.sort FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return (rows[0][0] or "") if rows else ""

    def span(self, path: str) -> tuple[str, str]:
        """Returns the range of the sort keys of a node and all below it; the upper bound is exclusive."""
        return span(self.sort_key(path))

    def _placed(self, places: Sequence[Place], paths: Sequence[str]) -> list[tuple[Place, query_pb2.Node]]:
        # Nodes are never removed, so each is found again.
        return list(zip(places, self.by_paths(paths), strict=True))

    def _rows(self, where: Condition, tail: str = "") -> list[dict[str, Any]]:
        rows = self._query(
            f"{_SELECT_NODES}{self._join()} WHERE {where.text}{tail}",
            where.values,
        )
        return [messages.named(_NODE_NAMES, row) for row in rows]

    def _join(self) -> str:
        return "" if self._run is None else " AND a.run = n.run"

    def _made(self, rows: Sequence[dict[str, Any]]) -> list[query_pb2.Node]:
        nodes: list[query_pb2.Node] = []
        going: dict[str, query_pb2.Node] = {}
        for row in rows:
            node = messages.node_of(row)
            if node.kind == _JOB:
                node.tally.CopyFrom(messages.tally_of_job(node))
                node.host = row["host"] or ""
            elif not node.HasField("tally"):
                # For now the number of its jobs: those that nothing is known of wait.
                node.tally.waiting = row["jobs"] or 0
                going[node.path] = node
            nodes.append(node)
        for node in going.values():
            if "/" not in node.path:
                self._count_root(node)
                del going[node.path]
                break
        self._count_below(going)
        return nodes

    def _count_root(self, node: query_pb2.Node) -> None:
        where = self._where().add("n.kind = ?", _JOB)
        for outcome, count in self.outcomes(where):
            messages.add_to_tally(node.tally, outcome, count)

    def outcomes(self, where: Condition) -> list[tuple[int, int]]:
        """Returns numbers of nodes by outcome, 0 for those that have not ended. Outcomes may repeat."""
        # In the order of the index nothing has to be sorted.
        sql = f"SELECT n.outcome, count(*) FROM nodes AS n WHERE {where.text} GROUP BY n.state, n.outcome"  # noqa: S608
        return [(outcome or 0, count) for outcome, count in self._query(sql, where.values)]

    def _count_below(self, groups: Mapping[str, query_pb2.Node]) -> None:
        """Counts the jobs below groups, given by their paths, and uses only the index of the tree."""
        below = Condition()
        if self._run is not None:
            below.add("n.run = g.run")
        below.add("n.sort > g.sort AND n.sort < g.sort || ?", LAST_BELOW).add("n.kind = ?", _JOB)
        for some in _pieces(list(groups)):
            where = self._where("g").one_of("g.path", some)
            # A subquery for each group: for a join with them, databases find plans of very different speed.
            sql = (
                f"SELECT g.path, (SELECT {_COUNTS} FROM nodes AS n WHERE {below.text})"  # noqa: S608
                f" FROM nodes AS g WHERE {where.text}"
            )
            for path, counts in self._query(sql, [*below.values, *where.values]):
                for outcome, count in enumerate(counts.split()):
                    messages.add_to_tally(groups[path].tally, outcome, int(count))

    def declared_at(self, path: str) -> int:
        """Returns when a node was declared, in nanoseconds since 1970 UTC; 0 if it was not."""
        where = self._where().add("n.path = ?", path)
        rows = self._query(f"SELECT n.declared_unix_nanos FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return (rows[0][0] or 0) if rows else 0

    def open_groups(self, path: str) -> list[OpenGroup]:
        """Returns the declared groups and arrays that have not ended: a node and those below it."""
        where = self._where().add("n.kind <> ?", _JOB).add("n.state <> ?", _ENDED)
        below = qs.ListNodesRequest(path=path, scope=qs.SCOPE_SUBTREE)
        add_scope(where, below, self.sort_key(path) if self._is_within(below) else "")
        sql = f"SELECT n.sort, n.path, n.template FROM nodes AS n WHERE {where.text}"  # noqa: S608
        return [OpenGroup(*row) for row in self._query(sql, where.values)]

    def declared_children(self, paths: Sequence[str]) -> dict[tuple[str, str], int]:
        """Returns the number of declared children of these nodes, by the node and by their template path."""
        found: dict[tuple[str, str], int] = {}
        for some in _pieces(paths):
            where = self._where().one_of("n.parent", some).add("n.declared_unix_nanos IS NOT NULL")
            sql = (
                f"SELECT n.parent, n.template, count(*) FROM nodes AS n WHERE {where.text}"  # noqa: S608
                " GROUP BY n.parent, n.template"
            )
            for parent, template, count in self._query(sql, where.values):
                found[parent, template] = count
        return found

    # -- jobs

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Returns the numbers of declared and of ended jobs by template path."""
        where = self._where().add("n.kind = ?", _JOB)
        sql = (
            f"SELECT n.template, count(*), count(CASE WHEN n.state = {_ENDED} THEN 1 END)"  # noqa: S608
            f" FROM nodes AS n WHERE {where.text} GROUP BY n.template"
        )
        rows = self._query(sql, where.values)
        return {template: (declared, ended) for template, declared, ended in rows}

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """Returns the running jobs with their demands."""
        where = self._where().add("n.kind = ?", _JOB).add("n.state = ?", _RUNNING)
        sql = f"SELECT n.path, n.cores, n.memory_bytes, n.licenses FROM nodes AS n WHERE {where.text}"  # noqa: S608
        return [
            (path, DemandKey(cores or 0, memory or 0, tuple(sorted(json.loads(licenses or "{}").items()))))
            for path, cores, memory, licenses in self._query(sql, where.values)
        ]

    def attempts(self, path: str) -> list[query_pb2.Attempt]:
        """Returns the attempts at a job in their order, without their command lines."""
        where = self._where("n").add("n.path = ?", path)
        sql = f"{_SELECT_ATTEMPTS} WHERE {where.text} ORDER BY n.number"
        rows = self._query(sql, where.values)
        return [messages.attempt_of(messages.named(messages.ATTEMPT_NAMES, row)) for row in rows]

    def job_attempts(
        self, wanted: qs.ListLinesRequest, after: str, limit: int, over: Over = never
    ) -> AttemptList:
        """Returns the attempts for a request for lines, in the order of the spec, after a sort key.

        Fewer than `limit` are returned at the end, or if `over` returns true while globs are matched.
        """
        patterns = [PathPattern(glob) for glob in wanted.globs]
        piece = max(limit, _PIECE) if patterns else limit
        below = qs.ListNodesRequest(
            path=wanted.path, scope=qs.SCOPE_SUBTREE, kinds=[common_pb2.NODE_KIND_JOB]
        )
        scope = self._where()
        add_scope(scope, below, self.sort_key(below.path) if self._is_within(below) else "")
        found: list[JobAttempt] = []
        while True:
            end = self._window_end(scope, after) if patterns else None
            rows = self._job_attempts(wanted, scope, _candidates(patterns, after, end), piece)
            for row in rows:
                attempt = JobAttempt(*row)
                after = attempt.sort_key
                if not patterns or any(pattern.matches(attempt.path) for pattern in patterns):
                    found.append(attempt)
                    if len(found) == limit:
                        return AttemptList(found, after)
            if len(rows) < piece:
                if end is None:
                    return AttemptList(found, None)
                after = end
            if over():
                return AttemptList(found, after)

    def _job_attempts(
        self, wanted: qs.ListLinesRequest, scope: Condition, within: Condition, limit: int
    ) -> list[Any]:
        where = Condition().add(scope.text, *scope.values).add(within.text, *within.values)
        run = "" if self._run is None else " AND {table}.run = n.run"
        where.add(f"a.path = n.path{run.format(table='a')}")
        if wanted.attempt:
            where.add("a.number = ?", wanted.attempt)
        else:
            last = f"SELECT max(b.number) FROM attempts AS b WHERE b.path = n.path{run.format(table='b')}"  # noqa: S608
            where.add(f"a.number = ({last})")
        if wanted.since_unix_nanos:
            where.add("(a.ended_unix_nanos IS NULL OR a.ended_unix_nanos >= ?)", wanted.since_unix_nanos)
        if wanted.until_unix_nanos:
            where.add("(a.started_unix_nanos IS NULL OR a.started_unix_nanos < ?)", wanted.until_unix_nanos)
        # A cross join makes SQLite start with its left side, whose index has the order.
        sql = (
            "SELECT n.sort, n.path, a.number, coalesce(a.store, ''), a.ended_unix_nanos,"  # noqa: S608
            " a.stdout_lines, a.stderr_lines"
            f" FROM nodes AS n CROSS JOIN attempts AS a WHERE {where.text} ORDER BY n.sort LIMIT ?"
        )
        return self._query(sql, [*where.values, limit])

    # -- results

    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        node = self.node(path)
        return self.result_of(node) if node is not None else None

    def result_of(self, node: query_pb2.Node) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        if node.state != query_pb2.NODE_STATE_ENDED:
            return None
        return messages.result_of(node, self.metrics([node.path]).get(node.path, []))

    def metrics(self, paths: Sequence[str]) -> Mapping[str, list[event_pb2.MetricTotal]]:
        """Returns the metrics of these nodes by path."""
        found: dict[str, list[event_pb2.MetricTotal]] = {}
        for some in _pieces(paths):
            where = self._where().one_of("n.path", some)
            rows = self._query(
                f"SELECT {_METRIC_COLUMNS} FROM metrics AS n WHERE {where.text}",  # noqa: S608 - constant
                where.values,
            )
            # Sorted here, since a database might walk all metrics of the run for the sake of their order.
            for path, *values in sorted(rows):
                total = messages.metric_of(messages.named(messages.METRIC_NAMES, values))
                found.setdefault(path, []).append(total)
        return found

    def nodes_with_metrics(
        self, wanted: qs.ListNodesRequest, names: Sequence[str], after: str, limit: int
    ) -> list[tuple[str, str]]:
        """Returns sort keys and paths of nodes with metrics, in the order of the spec, after a key.

        `wanted` has a path and a scope. With `names`, only metrics with these names count.
        """
        where = self._where().add("n.sort > ?", after)
        add_scope(where, wanted, self.sort_key(wanted.path) if self._is_within(wanted) else "")
        having = Condition().add(
            "m.path = n.path" if self._run is None else "m.path = n.path AND m.run = n.run"
        )
        if names:
            having.one_of("m.name", names)
        sql = (
            f"SELECT n.sort, n.path FROM nodes AS n WHERE {where.text}"  # noqa: S608 - constant parts
            f" AND EXISTS (SELECT 1 FROM metrics AS m WHERE {having.text}) ORDER BY n.sort LIMIT ?"
        )
        return self._query(sql, [*where.values, *having.values, limit])

    def _where(self, table: str = "n") -> Condition:
        return Condition() if self._run is None else Condition().run(table, self._run)


def _candidates(patterns: Sequence[PathPattern], key: str, end: str | None) -> Condition:
    """Returns the condition of nodes beyond a key, up to another one, that patterns may match."""
    within = Condition().add("n.sort > ?", key)
    if end is not None:
        within.add("n.sort <= ?", end)
    if 0 < len(patterns) <= _MAX_LIKES:
        within.like_any("n.path", [pattern.like for pattern in patterns])
    return within


def _pieces(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(paths), _MAX_PATHS):
        yield paths[at : at + _MAX_PATHS]
