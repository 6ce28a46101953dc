"""Reads the catalogue of a run in a hub, with the signatures that the hub has made.

Invariant: a failure that the hub has not signed yet has the signature that its run recorded.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from gator.core.causes.signature import is_current
from gator.core.history.cause_rules import CauseRules
from gator.spec.patterns import pattern_problem
from gator.store.catalogue.reader import CatalogueReader
from gator.store.sql_condition import SqlCondition
from gator.v1 import attach_pb2, query_pb2, spec_pb2

Query: TypeAlias = Callable[[str, Sequence[object]], list[Any]]


def rules_of_hub(query: Query) -> list[spec_pb2.CauseRule]:
    """Returns the rules that users have added, with what their signatures have become."""
    rules = [
        spec_pb2.CauseRule.FromString(bytes(blob))
        for (blob,) in query("SELECT rule FROM cause_rules ORDER BY id", ())
    ]
    for rule in rules:
        rule.signatures.extend(later_signatures(query, list(rule.signatures)))
    return rules


def later_signatures(query: Query, signatures: Sequence[str]) -> list[str]:
    """Returns what signatures of earlier versions have become."""
    if not signatures:
        return []
    where = SqlCondition().one_of("former", signatures)
    sql = f"SELECT signature FROM former_signatures WHERE {where.text}"  # noqa: S608 - constant parts
    return [signature for (signature,) in query(sql, where.values)]


_PIECE = 500
"""Maximum number of paths in one statement."""


class HubCatalogue(CatalogueReader):
    """The catalogue of one run in a hub. Rules that users have added come before those of the run."""

    def rules(self) -> CauseRules:
        """Returns the rules that name causes."""
        return CauseRules([*rules_of_hub(self._query), *self._rules_of_run()])

    def _rules_of_run(self) -> Sequence[spec_pb2.CauseRule]:
        rows = self._query("SELECT causes FROM runs WHERE id = ? AND causes IS NOT NULL", (self._run,))
        return [
            rule
            for (blob,) in rows
            for rule in attach_pb2.RunDescription.FromString(bytes(blob)).causes
            if not (rule.match and pattern_problem(rule.match))
        ]

    _SIGNATURES = (
        "coalesce(n.own_signature, n.signature),"
        " CASE WHEN n.own_signature <> n.signature THEN n.signature END"
    )

    def _sign(self, failed: Sequence[query_pb2.Node]) -> None:
        recorded = {node.path: node for node in failed if not is_current(node.signature)}
        paths = list(recorded)
        for at in range(0, len(paths), _PIECE):
            where = self._where().one_of("n.path", paths[at : at + _PIECE]).add("n.own_signature IS NOT NULL")
            sql = f"SELECT n.path, n.own_signature FROM nodes AS n WHERE {where.text}"  # noqa: S608
            for path, signature in self._query(sql, where.values):
                node = recorded[path]
                if signature != node.signature:
                    node.former_signature, node.signature = node.signature, signature
