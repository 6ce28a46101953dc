"""Reads the metrics in the Results of nodes."""

from collections.abc import Mapping, Sequence

from gator.store.catalogue import messages
from gator.store.catalogue.tables import ENDED, RUNNING, CatalogueTables, pieces
from gator.store.sql_condition import SqlCondition
from gator.v1 import event_pb2
from gator.v1 import query_service_pb2 as qs

_BELOW = messages.columns_sql(("path", *messages.METRIC_NAMES), "m")
_COLUMNS = messages.columns_sql(("path", *messages.METRIC_NAMES), "n")


class MetricReader(CatalogueTables):
    """Reads metrics by node."""

    def metrics(self, paths: Sequence[str]) -> Mapping[str, list[event_pb2.MetricTotal]]:
        """Returns the metrics of these nodes by path."""
        by_path: dict[str, list[event_pb2.MetricTotal]] = {}
        for some in pieces(paths):
            where = self._where().one_of("n.path", some)
            rows = self._query(
                f"SELECT {_COLUMNS} FROM metrics AS n WHERE {where.text}",  # noqa: S608 - constant
                where.values,
            )
            # Sorted here, since a database might walk all metrics of the run for the sake of their order.
            for path, *values in sorted(rows):
                by_path.setdefault(path, []).append(messages.metric_of(values))
        return by_path

    def metrics_below_open(
        self, path: str, names: Sequence[str], after: tuple[str, str], limit: int
    ) -> list[tuple[str, str, event_pb2.MetricTotal]]:
        """Returns the metrics of ended children of nodes that run, at a node and below it.

        Each comes with the path of the node that runs and its own, in the order of paths and names.
        """
        where = self._where().below("n.path", path).add(f"n.state = {RUNNING}")
        run = "" if self._run is None else " AND {0}.run = n.run"
        where.add(f"c.parent = n.path AND c.state = {ENDED}{run.format('c')}")
        where.add(f"m.path = c.path{run.format('m')}").add("(m.path, m.name) > (?, ?)", *after)
        if names:
            where.one_of("m.name", names)
        rows = self._query(
            f"SELECT n.path, {_BELOW} FROM nodes AS n, nodes AS c, metrics AS m"  # noqa: S608 - constant parts
            f" WHERE {where.text} ORDER BY m.path, m.name LIMIT ?",
            [*where.values, limit],
        )
        return [(parent, path, messages.metric_of(values)) for parent, path, *values in rows]

    def nodes_with_metrics(
        self,
        request: qs.ListNodesRequest,
        names: Sequence[str],
        after: str,
        limit: int,
        levels: int | None = None,
    ) -> list[tuple[str, str]]:
        """Returns sort keys and paths of nodes with metrics, in the order of the spec, after a key.

        `request` has a path and a scope. With `names`, only metrics with these names count; `levels` is the
        maximum number of levels below the path.
        """
        where = self._where().add("n.sort > ?", after)
        self._add_scope(where, request)
        if levels is not None:
            where.add("n.depth <= ?", request.path.count("/") + levels)
        having = SqlCondition().add(
            "m.path = n.path" if self._run is None else "m.path = n.path AND m.run = n.run"
        )
        if names:
            having.one_of("m.name", names)
        sql = (
            f"SELECT n.sort, n.path FROM nodes AS n WHERE {where.text}"  # noqa: S608 - constant parts
            f" AND EXISTS (SELECT 1 FROM metrics AS m WHERE {having.text}) ORDER BY n.sort LIMIT ?"
        )
        return self._query(sql, [*where.values, *having.values, limit])
