"""Two runs of the hub side by side.

The rule: only the outcomes of all jobs are read; what else is told of a job only for those that are shown.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from msgspec import Struct

from gator.core import compare
from gator.store.catalogue_reader import CatalogueReader
from gator.v1 import common_pb2, hub_pb2, hub_service_pb2, query_pb2
from gator_hub.database import Database

_MOST_KEPT = 8
_JOB = int(common_pb2.NODE_KIND_JOB)


class Comparison(Struct, frozen=True):
    """All jobs of two runs, those that are shown unless others are asked for, and how many changed how."""

    changed: Sequence[compare.Changed]
    interesting: Sequence[compare.Changed]
    counts: Sequence[hub_service_pb2.ChangeCount]


class Comparisons:
    """Compares runs. What was compared last of runs that have ended is kept, since it comes in pages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Comparison] = OrderedDict()

    def of(self, before: int, after: int) -> Comparison:
        """How every job of two runs, by their numbers, changed."""
        # A run that was removed and came again has other stores; one that goes on has moved.
        key = (before, after, *self._positions(before), *self._positions(after))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        changed = compare.compare(self._outcomes(before), self._outcomes(after), ordered=True)
        found = Comparison(changed, compare.selected(changed), compare.count(changed))
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def differences(
        self, before: int, after: int, changed: Sequence[compare.Changed]
    ) -> list[hub_pb2.Difference]:
        """Changed jobs with what is known of them on both sides."""
        paths = [one.path for one in changed]
        old, new = self._sides(before, paths), self._sides(after, paths)
        return [compare.difference(one, old.get(one.path), new.get(one.path)) for one in changed]

    def _positions(self, run: int) -> list[object]:
        rows = self._database.query("SELECT store, states_seq FROM stores WHERE run = ? ORDER BY id", (run,))
        return [value for row in rows for value in row]

    def _outcomes(self, run: int) -> dict[str, compare.Outcome]:
        """What came of each job by its path below the root, in the order of the tree."""
        return dict(
            self._database.query(
                "SELECT substr(n.path, ?), coalesce(n.outcome, 0) FROM nodes AS n"
                " WHERE n.run = ? AND n.kind = ? ORDER BY n.sort",
                (len(self._ident(run)) + 2, run, _JOB),
            )
        )

    def _ident(self, run: int) -> str:
        rows = self._database.query("SELECT ident FROM runs WHERE id = ?", (run,))
        return rows[0][0] if rows else ""

    def _sides(self, run: int, paths: Sequence[str]) -> dict[str, hub_pb2.Side]:
        ident = self._ident(run)
        full = [f"{ident}/{path}" if path else ident for path in paths]
        catalogue = CatalogueReader(self._database.query, run)
        nodes: list[query_pb2.Node] = catalogue.by_paths(full)
        metrics = catalogue.metrics(full)
        return {
            compare.below_root(node.path): compare.side_of(node, metrics.get(node.path, [])) for node in nodes
        }
