"""The tables of one run's catalogue, as the base of the readers of this package.

Invariant: the SQL is good for SQLite and PostgreSQL, and the same for a run's own store and for tables that
hold many runs.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from gator.path_patterns import PathPattern
from gator.store.catalogue.conditions import add_scope, span
from gator.store.sql_condition import SqlCondition
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

Query: TypeAlias = Callable[[str, Sequence[object]], list[Any]]
"""Returns all rows of a SELECT, with `?` for its values."""

JOB = int(common_pb2.NODE_KIND_JOB)
GROUP = int(common_pb2.NODE_KIND_GROUP)
ARRAY = int(common_pb2.NODE_KIND_ARRAY)
RUNNING = int(query_pb2.NODE_STATE_RUNNING)
ENDED = int(query_pb2.NODE_STATE_ENDED)
PIECE = 1000
"""Number of nodes that one statement returns while patterns are matched."""
_WINDOW = 20_000
"""Number of nodes whose paths one statement compares with patterns, so that a query is bounded in time."""
_MAX_LIKES = 20
"""Maximum number of patterns that the database compares; more are compared here only."""
_MAX_PATHS = 512
"""Maximum number of paths in one statement."""


class CatalogueTables:
    """The catalogue of one run. Its methods may be called from several threads if `query` may."""

    def __init__(self, query: Query, run: int | None = None) -> None:
        """Uses `query` for a run. `run` is its number in tables of many runs; None for a store of one run."""
        self._query = query
        self._run = run

    def sort_key(self, path: str) -> str:
        """Returns the sort key of a node; empty if it was not declared."""
        where = self._where().add("n.path = ?", path)
        rows = self._query(f"SELECT n.sort FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return (rows[0][0] or "") if rows else ""

    def span(self, path: str) -> tuple[str, str]:
        """Returns the range of the sort keys of a node and all below it; the upper bound is exclusive."""
        return span(self.sort_key(path))

    def _where(self, table: str = "n") -> SqlCondition:
        return SqlCondition() if self._run is None else SqlCondition().run(table, self._run)

    def _add_scope(self, where: SqlCondition, request: qs.ListNodesRequest) -> SqlCondition:
        """Adds the conditions of a request for nodes, except for its globs."""
        is_within = request.scope == qs.SCOPE_SUBTREE and "/" in request.path
        return add_scope(where, request, self.sort_key(request.path) if is_within else "")

    def _window_end(self, scope: SqlCondition, key: str) -> str | None:
        """Returns the last sort key of a bounded number of nodes beyond a key; None if there are fewer."""
        rows = self._query(
            f"SELECT n.sort FROM nodes AS n WHERE {scope.text} AND n.sort > ?"  # noqa: S608 - constant parts
            " ORDER BY n.sort LIMIT 1 OFFSET ?",
            [*scope.values, key, _WINDOW],
        )
        return rows[0][0] if rows else None


def candidates(patterns: Sequence[PathPattern], key: str, end: str | None) -> SqlCondition:
    """Returns the condition of nodes beyond a key, up to another one, that patterns may match."""
    within = SqlCondition().add("n.sort > ?", key)
    if end is not None:
        within.add("n.sort <= ?", end)
    if 0 < len(patterns) <= _MAX_LIKES:
        within.like_any("n.path", [pattern.like for pattern in patterns])
    return within


def pieces(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields pieces of a list that are small enough for one statement."""
    for at in range(0, len(paths), _MAX_PATHS):
        yield paths[at : at + _MAX_PATHS]
