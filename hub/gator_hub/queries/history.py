"""The history of one node in the runs of a series, the newest first.

Invariant: runs are ordered by their starts, not by their arrival at the hub.
"""

from collections.abc import Sequence
from typing import Any

import peewee as pw
from msgspec import Struct

from gator.core.history.cause_rules import NO_RULES, CauseRules
from gator.core.history.series import WHOLE, key_of
from gator.core.metrics import summarise
from gator.core.outcomes import FAILURES
from gator.store.catalogue.messages import METRIC_NAMES, NODE_NAMES, metric_of, node_of, tally_of_job
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.queries.own_signatures import HubCatalogue
from gator_hub.queries.run_rows import SIGHTING_NAMES, fields_of, sighting_of
from gator_hub.queries.runs import PageKey

_PIECE = 100
_MAX_BYTES = 1024 * 1024
"""Size in bytes at which a list ends. The piece of runs that reaches it is complete."""
_SIGHTING = len(SIGHTING_NAMES)


class Turn(Struct, frozen=True):
    """The run in which a node began to fail, and the last one before in which it passed.

    Both are unset if the node does not fail now.
    """

    first_bad: query_pb2.Sighting | None = None
    last_good: query_pb2.Sighting | None = None


class History:
    """A node in a series of runs, given by the ident of their roots and its path below the root."""

    def __init__(
        self,
        database: Database,
        ident: str,
        path: str,
        selection: query_pb2.Selection = WHOLE,
        more: CauseRules = NO_RULES,
    ) -> None:
        """Reads nothing yet. Rules of `more` name causes that the rules of a run do not."""
        self._database, self._more = database, more
        self._series = key_of(selection)
        self._ident = ident
        self._path = f"{ident}/{path}" if path else ident

    def entries(self, after: PageKey | None, limit: int) -> tuple[list[hub_pb2.HistoryEntry], PageKey | None]:
        """Returns at most `limit` entries, the newest first, and the place of the next page.

        Returns fewer entries if they are large, and None as the place at the end.
        """
        listed: list[hub_pb2.HistoryEntry] = []
        size = 0
        while size < _MAX_BYTES:
            piece = min(limit - len(listed), _PIECE)
            entries, after = self._piece(after, piece)
            listed += entries
            size += sum(entry.ByteSize() for entry in entries)
            if after is None or len(listed) == limit:
                break
        return listed, after

    def _piece(self, after: PageKey | None, limit: int) -> tuple[list[hub_pb2.HistoryEntry], PageKey | None]:
        runs, nodes = self._database.models.runs, self._database.models.nodes
        names = fields_of(nodes, NODE_NAMES)
        query = self._newest(runs.id, runs.user_name, nodes.own_signature, *self._sighting, *names).limit(
            limit
        )
        if after:
            query = query.where(pw.Tuple(runs.started_unix_nanos, runs.id) < tuple(after))
        rows = self._database.rows(query)
        metrics = self._metrics([row[0] for row in rows])
        for totals in metrics.values():
            summarise(totals)
        entries = [self._entry(row, metrics.get(row[0], [])) for row in rows]
        at = [entries[-1].run.started_unix_nanos, rows[-1][0]] if len(rows) == limit else None
        return entries, at

    def turn(self) -> Turn:
        """Returns where the newest unbroken sequence of failures began.

        Runs in which the node neither passed nor failed do not break it.
        """
        runs, nodes = self._database.models.runs, self._database.models.nodes
        columns = (runs.id, *self._sighting)
        passed = nodes.outcome == common_pb2.OUTCOME_PASSED
        good = self._database.rows(self._newest(*columns).where(passed).limit(1))
        failed = self._query(*columns).where(nodes.outcome.in_(sorted(FAILURES)))
        last_good = sighting_of(good[0][1:]) if good else None
        if last_good is not None:
            sort_key = (last_good.started_unix_nanos, good[0][0])
            failed = failed.where(pw.Tuple(runs.started_unix_nanos, runs.id) > sort_key)
        bad = self._database.rows(failed.order_by(runs.started_unix_nanos, runs.id).limit(1))
        return Turn(sighting_of(bad[0][1:]), last_good) if bad else Turn()

    @property
    def _sighting(self) -> list[Any]:
        return fields_of(self._database.models.runs, SIGHTING_NAMES)

    def _query(self, *columns: Any) -> Any:
        """Returns a query for the node in the runs of the series."""
        runs, nodes = self._database.models.runs, self._database.models.nodes
        is_node = (nodes.run == runs.id) & (nodes.path == self._path)
        return (
            runs.select(*columns)
            .join(nodes, on=is_node)
            .where(
                runs.ident == self._ident, runs.series == self._series, runs.parent == "", runs.deleted == 0
            )
        )

    def _newest(self, *columns: Any) -> Any:
        runs = self._database.models.runs
        return self._query(*columns).order_by(runs.started_unix_nanos.desc(), runs.id.desc())

    def _metrics(self, numbers: Sequence[int]) -> dict[int, list[event_pb2.MetricTotal]]:
        by_run: dict[int, list[event_pb2.MetricTotal]] = {}
        if not numbers:
            return by_run
        metrics = self._database.models.metrics
        query = (
            metrics.select(metrics.run, *fields_of(metrics, METRIC_NAMES))
            .where(metrics.path == self._path, metrics.run.in_(numbers))
            .order_by(metrics.name)
        )
        for run, *values in self._database.rows(query):
            by_run.setdefault(run, []).append(metric_of(values))
        return by_run

    def _entry(self, row: Sequence[Any], metrics: list[event_pb2.MetricTotal]) -> hub_pb2.HistoryEntry:
        number, user, own_signature, *rest = row
        node = node_of(rest[_SIGHTING:])
        if node.signature:
            node.signature = own_signature or node.signature
            catalogue = HubCatalogue(self._database.query, number)
            catalogue.rules().followed_by(self._more).apply(node)
        if node.kind == common_pb2.NODE_KIND_JOB:
            node.tally.CopyFrom(tally_of_job(node))
        elif not node.HasField("tally"):
            going = HubCatalogue(self._database.query, number).node(self._path)
            node = going or node
        return hub_pb2.HistoryEntry(
            run=sighting_of(rest[:_SIGHTING]),
            user=user,
            outcome=node.outcome,
            reason=node.reason,
            signature=node.signature,
            cause=node.cause,
            wall_nanos=node.usage.wall_nanos,
            tally=node.tally,
            metrics=metrics,
            seed=node.seed,
            peak_memory_bytes=node.usage.peak_memory_bytes,
        )
