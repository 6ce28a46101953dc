"""History over the runs of a hub."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from gator.cli.history.entries import nodes_at
from gator.cli.runs.api import RunApi
from gator.cli.runs.hub_client import Hub
from gator.cli.runs.paging import pages
from gator.cli.runs.remote import RemoteRunApi
from gator.cli.runs.ruled_api import ruled
from gator.core.history.failure_groups import cause_of
from gator.core.history.flaky import is_at_commit
from gator.errors import NotFoundError
from gator.v1 import common_pb2, query_pb2, spec_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

MAX_REPEATS: Final = 1000
"""Maximum number of reruns of one run that are asked for."""
MAX_SEARCHED: Final = 50
"""Maximum number of runs of an ident among which those at a commit are looked for, as in folders."""


class HubHistory:
    """The runs of a hub that is connected."""

    def __init__(self, hub: Hub, rules: Sequence[spec_pb2.CauseRule] = ()) -> None:
        """Sends no request; `rules` name causes where those of the hub and of a run do not."""
        self._hub, self._rules = hub, rules
        self.location = f"on {hub.peer.name}"
        self.where = hub.where

    def run(self, name: str) -> query_pb2.Run | None:
        """Returns the run with a name, as for `-r hub:`."""
        try:
            return self._hub.find(name)
        except NotFoundError:
            return None

    def idents(self) -> Collection[str]:
        """Returns the idents of the newest runs."""
        return self._hub.idents()

    def runs(self, ident: str, selection: query_pb2.Selection, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of a series."""
        return list(self._hub.runs(hs.ListRunsRequest(ident=ident, selection=selection), limit))

    def full_run(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the full description of a run from a list."""
        return RemoteRunApi(self._hub.peer, run.id).get_run(qs.GetRunRequest()).run

    def previous(self, run: query_pb2.Run) -> query_pb2.Run | None:
        """Returns the previous run of the series; for a rerun, its parent."""
        if run.parent:
            return self.run(run.parent)
        request = hs.ListRunsRequest(
            ident=run.ident, selection=run.selection, until_unix_nanos=run.started_unix_nanos
        )
        return next(self._hub.runs(request, 1), None)

    def repeated(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the run that a rerun repeats, directly or indirectly; for another run, the run itself."""
        known = {run.id}
        while run.parent and run.parent not in known:
            above = self.run(run.parent)
            if above is None:
                break
            known.add(above.id)
            run = above
        return run

    def reruns(self, run: query_pb2.Run) -> Sequence[query_pb2.Run]:
        """Returns the direct and indirect reruns of a run, oldest first."""
        reruns = list(self._hub.runs(hs.ListRunsRequest(parent=run.id), MAX_REPEATS))
        return reruns[::-1]

    def at_commit(self, run: query_pb2.Run, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of its ident at its commit, with reruns and runs of other parts."""
        others = self._hub.runs(hs.ListRunsRequest(ident=run.ident), MAX_SEARCHED)
        matching = islice((other for other in others if is_at_commit(other, run)), limit)
        return [run if other.id == run.id else self.full_run(other) for other in matching]

    def nodes_at(self, run: query_pb2.Run, paths: Sequence[str]) -> Iterable[query_pb2.Node]:
        """Yields those of these nodes that a run has."""
        return nodes_at(self._api(run), paths)

    def nodes(
        self,
        run: query_pb2.Run,
        outcomes: Sequence[common_pb2.Outcome.ValueType] = (),
        *,
        only_jobs: bool = True,
    ) -> Iterable[query_pb2.Node]:
        """Yields nodes of a run in the order of the tree."""
        kinds = (common_pb2.NODE_KIND_JOB,) if only_jobs else ()
        request = qs.ListNodesRequest(
            scope=qs.SCOPE_SUBTREE, outcomes=outcomes, kinds=kinds, order=qs.NODE_ORDER_SPEC
        )
        for page in pages(self._api(run).list_nodes, request):
            yield from page.nodes

    def metrics(
        self, run: query_pb2.Run, names: Sequence[str], ranks: Sequence[float]
    ) -> Iterable[query_pb2.NodeMetrics]:
        """Yields the metrics of the nodes of a run."""
        request = qs.ListMetricsRequest(names=names, quantiles=ranks)
        for page in pages(self._api(run).list_metrics, request):
            yield from page.nodes

    def node_history(
        self, ident: str, path: str, selection: query_pb2.Selection, limit: int
    ) -> hs.ListHistoryResponse:
        """Returns the outcomes of a node in the newest runs of a series."""
        return self._hub.history(ident, path, selection, limit, self._rules)

    def sightings(self, run: query_pb2.Run) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the failures of a run by cause."""
        return {
            cause_of(group): group
            for page in pages(self._api(run).list_failures, qs.ListFailuresRequest())
            for group in page.groups
        }

    def _api(self, run: query_pb2.Run) -> RunApi:
        return ruled(RemoteRunApi(self._hub.peer, run.id), self._rules)
