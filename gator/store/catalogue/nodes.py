"""Reads nodes, with the numbers of jobs below those that have not ended."""

from collections.abc import Iterable, Mapping, Sequence

from gator.core.history.cause_rules import NO_RULES, CauseRules
from gator.store.catalogue import messages
from gator.store.catalogue.conditions import LAST_BELOW
from gator.store.catalogue.fields import Values
from gator.store.catalogue.tables import JOB, CatalogueTables, pieces
from gator.store.sql_condition import SqlCondition
from gator.v1 import common_pb2, query_pb2

_COUNTS = "(count(*) - count(n.outcome)) || " + " || ".join(
    f"' ' || count(CASE WHEN n.outcome = {outcome} THEN 1 END)"
    for outcome in range(1, max(common_pb2.Outcome.values()) + 1)
)
"""Numbers of nodes by outcome as one string, because a subquery has one value. The first one is of nodes
without an outcome."""
_SELECT_NODES = (
    f"SELECT {messages.columns_sql(messages.NODE_NAMES, 'n')}, a.host, a.progress FROM nodes AS n"  # noqa: S608 - constant
    " LEFT JOIN attempts AS a ON a.path = n.path AND a.number = n.attempts"
)
"""Selects nodes with the host and the progress of their last attempt. The path comes first."""


class NodeReader(CatalogueTables):
    """Reads nodes by their paths."""

    def root(self) -> query_pb2.Node | None:
        """Returns the root; None if nothing was declared yet."""
        where = self._where().add("n.parent = ''")
        rows = self._rows(where, " LIMIT 1")
        return self._made(rows)[0] if rows else None

    def node(self, path: str) -> query_pb2.Node | None:
        """Returns a declared node; None if there is no such node."""
        nodes = self.by_paths([path])
        return nodes[0] if nodes else None

    def has_node(self, path: str) -> bool:
        """Returns whether the catalogue has a node, declared or not."""
        where = self._where().add("n.path = ?", path)
        return bool(self._query(f"SELECT 1 FROM nodes AS n WHERE {where.text}", where.values))  # noqa: S608

    def by_paths(self, paths: Sequence[str]) -> list[query_pb2.Node]:
        """Returns those of these nodes that exist, in this order."""
        rows: dict[str, Values] = {}
        for some in pieces(paths):
            read = self._rows(self._where().one_of("n.path", some))
            rows.update((row[0], row) for row in read)
        return self._made([rows[path] for path in paths if path in rows])

    def declared_at(self, path: str) -> int:
        """Returns when a node was declared, in nanoseconds since 1970 UTC; 0 if it was not."""
        where = self._where().add("n.path = ?", path)
        rows = self._query(f"SELECT n.declared_unix_nanos FROM nodes AS n WHERE {where.text}", where.values)  # noqa: S608
        return (rows[0][0] or 0) if rows else 0

    def _rows(self, where: SqlCondition, tail: str = "") -> list[Values]:
        return self._query(f"{_SELECT_NODES}{self._join()} WHERE {where.text}{tail}", where.values)

    def _join(self) -> str:
        return "" if self._run is None else " AND a.run = n.run"

    def _made(self, rows: Sequence[Values]) -> list[query_pb2.Node]:
        nodes: list[query_pb2.Node] = []
        groups: dict[str, query_pb2.Node] = {}
        for row in rows:
            node = messages.node_of(row)
            jobs, host, progress = row[-3:]
            if node.kind == JOB:
                setattr(node.tally, messages.tally_field(node.outcome), 1)
                node.host = host or ""
                if progress is not None and node.state == query_pb2.NODE_STATE_RUNNING:
                    node.progress.ParseFromString(progress)
            elif not node.HasField("tally"):
                # For now the number of its jobs: those that nothing is known of wait.
                node.tally.waiting = jobs or 0
                groups[node.path] = node
            nodes.append(node)
        if failed := [node for node in nodes if node.signature]:
            self._sign(failed)
            rules = self.rules()
            for node in failed if rules else ():
                rules.apply(node)
        for node in groups.values():
            if "/" not in node.path:
                self._count_root(node)
                del groups[node.path]
                break
        self._count_below(groups)
        return nodes

    def rules(self) -> CauseRules:
        """Returns the rules that name causes. The base class has none."""
        return NO_RULES

    def name_more(self, more: CauseRules, nodes: Iterable[query_pb2.Node]) -> None:
        """Names the causes of failed jobs by rules of `more`, where the rules of the run do not name them."""
        failed = [node for node in nodes if node.signature] if more else []
        if failed:
            others = self.rules().others_in(more)
            for node in failed:
                others.apply_to_unnamed(node)

    def _sign(self, failed: Sequence[query_pb2.Node]) -> None:
        """Replaces signatures of failed jobs by those of this version; the base class does nothing."""

    def _count_root(self, node: query_pb2.Node) -> None:
        where = self._where().add("n.kind = ?", JOB)
        for outcome, count in self.outcomes(where):
            messages.add_to_tally(node.tally, outcome, count)

    def outcomes(self, where: SqlCondition) -> list[tuple[int, int]]:
        """Returns numbers of nodes by outcome, 0 for those that have not ended. Outcomes may repeat."""
        # In the order of the index nothing has to be sorted.
        sql = f"SELECT n.outcome, count(*) FROM nodes AS n WHERE {where.text} GROUP BY n.state, n.outcome"  # noqa: S608
        return [(outcome or 0, count) for outcome, count in self._query(sql, where.values)]

    def _count_below(self, groups: Mapping[str, query_pb2.Node]) -> None:
        """Counts the jobs below groups, given by their paths, and uses only the index of the tree."""
        below = SqlCondition()
        if self._run is not None:
            below.add("n.run = g.run")
        below.add("n.sort > g.sort AND n.sort < g.sort || ?", LAST_BELOW).add("n.kind = ?", JOB)
        for some in pieces(list(groups)):
            where = self._where("g").one_of("g.path", some)
            # A subquery for each group: for a join with them, databases find plans of very different speed.
            sql = (
                f"SELECT g.path, (SELECT {_COUNTS} FROM nodes AS n WHERE {below.text})"  # noqa: S608
                f" FROM nodes AS g WHERE {where.text}"
            )
            for path, counts in self._query(sql, [*below.values, *where.values]):
                for outcome, count in enumerate(counts.split()):
                    messages.add_to_tally(groups[path].tally, outcome, int(count))
