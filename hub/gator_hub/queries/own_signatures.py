"""Reads the catalogue of a run in a hub, with the signatures that the hub has made.

Invariant: a failure that the hub has not signed yet has the signature that its run recorded.
"""

from collections.abc import Sequence

from gator.core.causes.signature import is_current
from gator.store.catalogue.reader import CatalogueReader
from gator.v1 import query_pb2

_PIECE = 500
"""Maximum number of paths in one statement."""


class HubCatalogue(CatalogueReader):
    """The catalogue of one run in a hub."""

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
