"""Lists the metrics of nodes, page by page.

A node that has ended has its metrics in its Result. Those of a node that runs are combined here: from its
children that have ended and, separately, from the events of the attempts that run.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gator.core.metrics import DEFAULT_RANKS, Totals, summarise
from gator.core.pages import PageKey
from gator.errors import UsageError
from gator.node_paths import ancestors
from gator.query import tokens
from gator.query.page_limits import MAX_ENTRIES, MAX_PAGE_BYTES, page_size
from gator.query.reader import Reader, read_to_end
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_RANKS: Final = 100
"""Maximum number of quantiles of one request."""
_NODES_AT_ONCE: Final = 100
"""Number of nodes whose metrics are read at once; each may have a thousand."""
_ROWS_AT_ONCE: Final = 1000
"""Number of metrics and events that are read at once."""


class MetricPager:
    """Lists the metrics of the nodes of one request."""

    def __init__(self, reader: Reader, request: qs.ListMetricsRequest, path: str) -> None:
        self._reader, self._request, self._path = reader, request, path
        self._ranks = _checked(request.quantiles) or DEFAULT_RANKS
        self._levels = request.depth if request.HasField("depth") else None

    def page(self) -> qs.ListMetricsResponse:
        """Returns the page that the request asks for. Raises UsageError for a foreign token."""
        request = self._request
        nodes = qs.ListNodesRequest(path=self._path, scope=request.scope or qs.SCOPE_SUBTREE)
        position = tokens.after_node(request, request.page_token, is_text=True)
        key = str(position[1]) if position else ""
        running = dict(self._live(nodes, key))
        size = page_size(request.page_size)
        response = qs.ListMetricsResponse()
        written = 0
        while True:
            ended, last = self._ended_after(nodes, key, min(size - len(response.nodes), _NODES_AT_ONCE))
            so_far = {at: node for at, node in running.items() if key < at and (last is None or at <= last)}
            # A node that ended meanwhile is listed once.
            for at, node in sorted((so_far | ended).items()):
                if len(response.nodes) == size or written > MAX_PAGE_BYTES:
                    break
                summarise((*node.metrics, *node.running), self._ranks)
                response.nodes.append(node)
                written += node.ByteSize()
                key = at
            else:
                if last is None:
                    return response
            if len(response.nodes) == size or written > MAX_PAGE_BYTES:
                response.next_page_token = tokens.encode(request, {"after": ["", key, 0]})
                return response

    def _ended_after(
        self, nodes: qs.ListNodesRequest, key: str, limit: int
    ) -> tuple[dict[str, query_pb2.NodeMetrics], str | None]:
        """Returns nodes whose Results have metrics, by sort key, and the last key; None for it at the end."""
        listed = self._reader.nodes_with_metrics(nodes, self._request.names, key, limit, self._levels)
        metrics = self._reader.metrics([path for _, path in listed])
        ended = {
            at: query_pb2.NodeMetrics(path=path, metrics=self._named(metrics.get(path, ())))
            for at, path in listed
        }
        return ended, listed[-1][0] if len(listed) == limit else None

    def _named(self, totals: Iterable[event_pb2.MetricTotal]) -> list[event_pb2.MetricTotal]:
        names = self._request.names
        return [total for total in totals if not names or total.name in names]

    # ---- nodes that run

    def _live(self, nodes: qs.ListNodesRequest, after: str) -> Iterator[tuple[str, query_pb2.NodeMetrics]]:
        """Yields the sort key and the metrics of each running node after `after`."""
        running = qs.ListNodesRequest()
        running.CopyFrom(nodes)
        running.states.append(query_pb2.NODE_STATE_RUNNING)
        listed: dict[str, tuple[str, query_pb2.NodeMetrics]] = {}
        for position, node in self._all_nodes(running, ["", after, 0]):
            if self._levels is None or node.path.count("/") <= self._path.count("/") + self._levels:
                listed[node.path] = str(position[1]), query_pb2.NodeMetrics(path=node.path)
        if not listed:
            return
        ended, so_far = self._ended(listed), self._running(listed)
        for path, (sort_key, node) in listed.items():
            if path in ended:
                node.metrics.extend(ended[path].totals())
            if path in so_far:
                node.running.extend(self._named(so_far[path].totals()))
            if node.metrics or node.running:
                yield sort_key, node

    def _ended(self, listed: Iterable[str]) -> dict[str, Totals]:
        """Returns the metrics of the ended children of nodes that run, combined for all nodes above."""
        wanted, after = set(listed), ("", "")
        totals: dict[str, Totals] = {}
        while True:
            rows = self._reader.metrics_below_open(self._path, self._request.names, after, _ROWS_AT_ONCE)
            for parent, path, total in rows:
                after = path, total.name
                for above in (parent, *ancestors(parent)):
                    if above in wanted:
                        totals.setdefault(above, Totals()).merge([total])
            if len(rows) < _ROWS_AT_ONCE:
                return totals

    def _running(self, listed: Iterable[str]) -> dict[str, Totals]:
        """Returns the metrics of the attempts that run, combined for all nodes above."""
        jobs = qs.ListNodesRequest(path=self._path, scope=qs.SCOPE_SUBTREE)
        jobs.kinds.append(common_pb2.NODE_KIND_JOB)
        jobs.states.append(query_pb2.NODE_STATE_RUNNING)
        wanted = set(listed)
        by_path: dict[str, Totals] = {}
        for _, job in self._all_nodes(jobs, None):
            attempts = self._reader.attempts(job.path, started=False)
            if not attempts or attempts[-1].HasField("finished"):
                continue
            totals = self._attempt(job.path, attempts[-1])
            if not totals:
                continue
            combined = totals.totals()
            for above in (job.path, *ancestors(job.path)):
                if above in wanted:
                    by_path.setdefault(above, Totals()).merge(combined)
        return by_path

    def _all_nodes(
        self, request: qs.ListNodesRequest, after: PageKey | None
    ) -> Iterator[tuple[PageKey, query_pb2.Node]]:
        """Yields all nodes of a list, each with its page key."""
        while True:
            listed = self._reader.nodes(request, after, MAX_ENTRIES)
            yield from listed.nodes
            if listed.next is None:
                return
            after = listed.next

    def _attempt(self, path: str, attempt: query_pb2.Attempt) -> Totals:
        """Returns the metrics of one attempt, from its events."""
        totals = Totals()
        kinds = [attach_pb2.EVENT_KIND_METRIC]
        for events, _ in read_to_end(
            self._reader, attempt.store, 0, _ROWS_AT_ONCE, path=path, attempt=attempt.number, kinds=kinds
        ):
            for event in events:
                totals.add(event.metric)
        return totals


def _checked(ranks: Sequence[float]) -> Sequence[float]:
    """Returns ranks of quantiles. Raises UsageError if there is a wrong one."""
    wrong = [rank for rank in ranks if not 0 <= rank <= 1]
    if wrong:
        raise UsageError(f"invalid quantile {wrong[0]:g}: must be from 0 to 1")
    if len(ranks) > _MAX_RANKS:
        raise UsageError(f"at most {_MAX_RANKS} quantiles can be queried at once, not {len(ranks):,}")
    return ranks
