"""Lists nodes page by page, in the orders of the schema."""

import time
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from gator.core.pages import NodeList, Over, PageKey, never
from gator.path_patterns import PathPattern
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
        request: qs.ListNodesRequest,
        after: PageKey | None,
        limit: int,
        over: Over = never,
    ) -> NodeList:
        """Returns the declared nodes that match, in the requested order, each with its page key.

        Fewer than `limit` are returned at the end, or if `over` returns true while globs are matched.
        """
        now = int(after[2]) if after else time.time_ns()
        patterns = [PathPattern(glob) for glob in request.globs]
        if patterns and order_of(request) == qs.NODE_ORDER_SPEC and not is_of_few(request):
            return self._matching(request, patterns, after, limit, over)
        piece = max(limit, PIECE) if patterns else limit
        at = after
        keys: list[PageKey] = []
        paths: list[str] = []
        while True:
            rows = self._keys_and_paths(request, at, piece, now)
            for path, position, sort_key in rows:
                at = [position, sort_key, now]
                if not patterns or any(pattern.matches(path) for pattern in patterns):
                    keys.append(at)
                    paths.append(path)
                    if len(paths) == limit:
                        return NodeList(self._with_keys(keys, paths), at)
            if len(rows) < piece:
                return NodeList(self._with_keys(keys, paths), None)
            if over():
                return NodeList(self._with_keys(keys, paths), at)

    def count_nodes(self, request: qs.ListNodesRequest) -> int:
        """Returns the number of declared nodes for a request; globs are ignored."""
        counted = qs.ListNodesRequest()
        counted.CopyFrom(request)
        # Without the order of the spec any index may be used.
        counted.order = qs.NODE_ORDER_DECLARED
        where = self._where()
        self._add_scope(where, counted)
        rows = self._query(f"SELECT count(*) FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return int(rows[0][0])

    def _matching(
        self,
        request: qs.ListNodesRequest,
        patterns: Sequence[PathPattern],
        after: PageKey | None,
        limit: int,
        over: Over,
    ) -> NodeList:
        """Returns nodes whose paths match, in the order of the spec."""
        scope = self._where()
        self._add_scope(scope, request)
        now = int(after[2]) if after else time.time_ns()
        key = str(after[1]) if after else ""
        keys: list[PageKey] = []
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
                    keys.append(["", key, now])
                    paths.append(path)
                    if len(paths) == limit:
                        return NodeList(self._with_keys(keys, paths), keys[-1])
            if len(rows) < PIECE:
                if end is None:
                    return NodeList(self._with_keys(keys, paths), None)
                key = end
            if over():
                return NodeList(self._with_keys(keys, paths), ["", key, now])

    def _keys_and_paths(
        self, request: qs.ListNodesRequest, after: PageKey | None, limit: int, now: int
    ) -> list[Any]:
        """Returns path, value of the order and sort key of nodes after a page key. Reads no other columns."""
        parts = parts_of(request)
        if len(parts) == 1:
            return self._part(request, *parts[0], after, limit, now)
        rows = [row for part in parts for row in self._part(request, *part, after, limit, now)]
        return sorted(rows, key=itemgetter(1, 2))[:limit]

    def _part(
        self,
        request: qs.ListNodesRequest,
        order: str,
        condition: str,
        after: PageKey | None,
        limit: int,
        now: int,
    ) -> list[Any]:
        order = order.replace(":now", str(now))
        where = self._where().add(condition)
        self._add_scope(where, request)
        if order_of(request) == qs.NODE_ORDER_SPEC:
            # The order by sort key alone lets the index of the tree be used.
            sorting = BY_SPEC_WITHOUT_INDEX if is_of_few(request) else "n.sort"
            where.add(f"{sorting} > ?", after[1] if after else "")
        else:
            sorting = "position, n.sort"
            position, sort = after[:2] if after else (BEFORE.get(request.order, 0), "")
            # SQLite cannot seek an expression index with the row comparison, so the first condition gives it
            # the starting point.
            where.add(f"{order} >= ? AND ({order}, n.sort) > (?, ?)", position, position, sort)
        sql = (
            f"SELECT n.path, {order} AS position, n.sort FROM nodes AS n"  # noqa: S608 - constant parts
            f" WHERE {where.text} ORDER BY {sorting} LIMIT ?"
        )
        return self._query(sql, [*where.values, limit])

    def _with_keys(
        self, keys: Sequence[PageKey], paths: Sequence[str]
    ) -> list[tuple[PageKey, query_pb2.Node]]:
        # Nodes are never removed, so each is found again.
        return list(zip(keys, self.by_paths(paths), strict=True))
