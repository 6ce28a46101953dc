"""Lists nodes page by page, in the orders of the schema."""

import time
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from gator.core.pages import NodeList, Over, Place, never
from gator.paths import PathPattern
from gator.store.catalogue.conditions import (
    BEFORE,
    BY_SPEC_WITHOUT_INDEX,
    is_of_few,
    order_of,
    parts_of,
)
from gator.store.catalogue.nodes import NodeReader
from gator.store.catalogue.tables import PIECE, candidates
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs


class NodeLists(NodeReader):
    """Lists nodes."""

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
        piece = max(limit, PIECE) if patterns else limit
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

    def count_nodes(self, wanted: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        counted = qs.ListNodesRequest()
        counted.CopyFrom(wanted)
        # Without the order of the spec any index may be used.
        counted.order = qs.NODE_ORDER_DECLARED
        where = self._where()
        self._add_scope(where, counted)
        rows = self._query(f"SELECT count(*) FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return int(rows[0][0])

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
        self._add_scope(scope, wanted)
        now = int(after[2]) if after else time.time_ns()
        key = str(after[1]) if after else ""
        places: list[Place] = []
        paths: list[str] = []
        while True:
            end = self._window_end(scope, key)
            within = candidates(patterns, key, end)
            rows = self._query(
                f"SELECT n.path, n.sort FROM nodes AS n WHERE {scope.text} AND {within.text}"  # noqa: S608
                " ORDER BY n.sort LIMIT ?",
                [*scope.values, *within.values, PIECE],
            )
            for path, key in rows:
                if any(pattern.matches(path) for pattern in patterns):
                    places.append(["", key, now])
                    paths.append(path)
                    if len(paths) == limit:
                        return NodeList(self._placed(places, paths), places[-1])
            if len(rows) < PIECE:
                if end is None:
                    return NodeList(self._placed(places, paths), None)
                key = end
            if over():
                return NodeList(self._placed(places, paths), ["", key, now])

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
        self._add_scope(where, wanted)
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

    def _placed(self, places: Sequence[Place], paths: Sequence[str]) -> list[tuple[Place, query_pb2.Node]]:
        # Nodes are never removed, so each is found again.
        return list(zip(places, self.by_paths(paths), strict=True))
