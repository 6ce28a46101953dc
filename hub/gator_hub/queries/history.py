"""One node over the runs of a series, the newest first.

Invariant: runs are ordered by their starts, not by their arrival at the hub.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from gator.core.history.series import WHOLE, key_of
from gator.core.outcomes import FAILURES
from gator.store.catalogue.conditions import Condition
from gator.store.catalogue.messages import NODE_NAMES, node_of, tally_of_job
from gator.store.catalogue.reader import CatalogueReader
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.queries.run_rows import SIGHTING_COLUMNS, sighting_of
from gator_hub.queries.runs import Place

_NODES = ", ".join(f"n.{name}" for name in NODE_NAMES)
_FROM = "FROM runs AS r JOIN nodes AS n ON n.run = r.id AND n.path = ?"
_NEWEST = "ORDER BY r.started_unix_nanos DESC, r.id DESC LIMIT ?"
_PIECE = 100
_MAX_BYTES = 1024 * 1024
"""A list ends with the piece with which it has so many bytes."""
_SIGHTING = 6
"""Number of the columns of a sighting."""


class Turn(Struct, frozen=True):
    """Where a node began to fail; nothing is set when it did not fail last."""

    first_bad: query_pb2.Sighting | None = None
    last_good: query_pb2.Sighting | None = None


class History:
    """A node in a series of runs, given by the ident of their roots and its path below the root."""

    def __init__(
        self, database: Database, ident: str, path: str, selection: query_pb2.Selection = WHOLE
    ) -> None:
        self._database = database
        self._series = key_of(selection)
        self._ident = ident
        self._path = f"{ident}/{path}" if path else ident

    def entries(self, after: Place | None, limit: int) -> tuple[list[hub_pb2.HistoryEntry], Place | None]:
        """At most `limit` entries, the newest first, and where to go on; fewer where they say much."""
        found: list[hub_pb2.HistoryEntry] = []
        size = 0
        while size < _MAX_BYTES:
            piece = min(limit - len(found), _PIECE)
            entries, after = self._piece(after, piece)
            found += entries
            size += sum(entry.ByteSize() for entry in entries)
            if after is None or len(found) == limit:
                break
        return found, after

    def _piece(self, after: Place | None, limit: int) -> tuple[list[hub_pb2.HistoryEntry], Place | None]:
        where = self._where()
        if after:
            where.add("(r.started_unix_nanos, r.id) < (?, ?)", *after)
        rows = self._rows(f"r.id, r.user_name, {SIGHTING_COLUMNS}, {_NODES}", where, _NEWEST, limit)
        metrics = self._metrics([row[0] for row in rows])
        found = [self._entry(row, metrics.get(row[0], [])) for row in rows]
        at = [found[-1].run.started_unix_nanos, rows[-1][0]] if len(rows) == limit else None
        return found, at

    def turn(self) -> Turn:
        """Where the newest unbroken row of failures began; what neither passed nor failed breaks none."""
        passed = self._where().numbers("n.outcome", [common_pb2.OUTCOME_PASSED])
        columns = f"r.id, {SIGHTING_COLUMNS}"
        good = self._rows(columns, passed, _NEWEST, 1)
        failed = self._where().numbers("n.outcome", sorted(FAILURES))
        last_good = sighting_of(good[0][1:]) if good else None
        if last_good is not None:
            failed.add("(r.started_unix_nanos, r.id) > (?, ?)", last_good.started_unix_nanos, good[0][0])
        bad = self._rows(columns, failed, "ORDER BY r.started_unix_nanos, r.id LIMIT ?", 1)
        return Turn(sighting_of(bad[0][1:]), last_good) if bad else Turn()

    def _where(self) -> Condition:
        where = Condition().add("r.ident = ?", self._ident).add("r.series = ?", self._series)
        return where.add("r.parent = ''").add("r.deleted = 0")

    def _rows(self, columns: str, where: Condition, order: str, limit: int) -> list[Any]:
        sql = f"SELECT {columns} {_FROM} WHERE {where.text} {order}"
        return self._database.query(sql, [self._path, *where.values, limit])

    def _metrics(self, runs: Sequence[int]) -> dict[int, list[event_pb2.MetricTotal]]:
        found: dict[int, list[event_pb2.MetricTotal]] = {}
        if not runs:
            return found
        where = Condition().add("m.path = ?", self._path).one_of("m.run", runs)
        for run, name, value, kind, unit, count in self._database.query(
            "SELECT m.run, m.name, m.value, m.kind, m.unit, m.count FROM metrics AS m"  # noqa: S608
            f" WHERE {where.text} ORDER BY m.name",
            where.values,
        ):
            total = event_pb2.MetricTotal(name=name, value=value, kind=kind, unit=unit, count=count)
            found.setdefault(run, []).append(total)
        return found

    def _entry(self, row: Sequence[Any], metrics: list[event_pb2.MetricTotal]) -> hub_pb2.HistoryEntry:
        number, user, *rest = row
        node = node_of(dict(zip(NODE_NAMES, rest[_SIGHTING:], strict=True)))
        if node.kind == common_pb2.NODE_KIND_JOB:
            node.tally.CopyFrom(tally_of_job(node))
        elif not node.HasField("tally"):
            going = CatalogueReader(self._database.query, number).node(self._path)
            node = going or node
        return hub_pb2.HistoryEntry(
            run=sighting_of(rest[:_SIGHTING]),
            user=user,
            outcome=node.outcome,
            reason=node.reason,
            signature=node.signature,
            wall_nanos=node.usage.wall_nanos,
            tally=node.tally,
            metrics=metrics,
            seed=node.seed,
            peak_memory_bytes=node.usage.peak_memory_bytes,
        )
