"""Answers the queries about one run, one page at a time. No method waits.

Invariant: each answer fits into one message, whatever the request.
"""

from collections.abc import Sequence

from msgspec import Struct

from gator.core.launch.rerun import job_command
from gator.core.metrics import summarise
from gator.core.pages import NodeList, PageKey
from gator.errors import NotFoundError, UsageError, no_attempt
from gator.event_kinds import LISTED_KINDS
from gator.query import tokens
from gator.query.budget import UNLIMITED, Budget
from gator.query.failures import list_failures
from gator.query.lines.pages import LinePager
from gator.query.lines.ranges import list_line_ranges
from gator.query.lines.severities import SeverityCache
from gator.query.metrics import MetricPager
from gator.query.more_rules import checked_rules
from gator.query.page_limits import MAX_ENTRIES, MAX_PAGE_BYTES, page_size
from gator.query.reader import Reader, read_to_end
from gator.query.samples import Samples
from gator.v1 import attach_pb2, common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_READ_AT_ONCE = 1000
_MAX_POINTS = 10_000


class _AfterEvent(Struct, frozen=True):
    """Position at which a list of events continues."""

    store: str
    after: tokens.Count


class Queries:
    """Answers queries through a reader of one run."""

    def __init__(self, reader: Reader, budget: Budget = UNLIMITED) -> None:
        """Initialises it; `budget` limits the time that a search takes for one page."""
        self.reader = reader
        self._budget = budget
        self._levels = SeverityCache()

    def get_run(self, request: qs.GetRunRequest) -> qs.GetRunResponse:
        """Returns the run."""
        return qs.GetRunResponse(run=self._run(request.run))

    def get_node(self, request: qs.GetNodeRequest) -> qs.GetNodeResponse:
        """Returns one node with all its attempts. Raises NotFoundError if it is not in the record."""
        run = self._run(request.run)
        path = request.path or run.ident
        node = self._node(path)
        self.reader.name_more(checked_rules(request.more_rules), [node])
        # The output of the hooks of a group is recorded as that of an attempt, which it has not.
        attempts = self.reader.attempts(path) if node.kind == common_pb2.NODE_KIND_JOB else ()
        response = qs.GetNodeResponse(node=node, attempts=attempts)
        if node.state == query_pb2.NODE_STATE_ENDED and (result := self.reader.result(path)) is not None:
            response.result.CopyFrom(result)
            summarise(response.result.metrics)
            for attempt in response.attempts:
                summarise(attempt.finished.metrics)
        if node.kind == common_pb2.NODE_KIND_JOB:
            description = self._description(path)
            if description is not None:
                response.description.CopyFrom(description)
            response.reproduce = job_command(run, node) or ""
        return response

    def list_nodes(self, request: qs.ListNodesRequest) -> qs.ListNodesResponse:
        """Returns nodes below a node.

        Raises NotFoundError if the node is not in the record, and UsageError for a foreign token, too many
        globs, or options that exclude each other.
        """
        if request.order not in qs.NodeOrder.values():
            raise UsageError(f"unknown order of nodes: {request.order}")
        _check_globs(request.globs)
        if request.with_total and request.globs:
            raise UsageError("with_total counts nodes without globs: leave out one of them")
        resolved = qs.ListNodesRequest()
        resolved.CopyFrom(request)
        resolved.path = request.path or self._run(request.run).ident
        resolved.scope = request.scope or qs.SCOPE_CHILDREN
        self._check(resolved.path)
        after = tokens.after_node(request, request.page_token, is_text=_is_by_spec(request))
        size = page_size(request.page_size)
        page = self.reader.nodes(resolved, after, size + 1, self._budget.begin())
        nodes = list(page.nodes)
        if request.with_waiting:
            nodes = self._with_waiting(resolved, after, page)
        response = qs.ListNodesResponse(nodes=[node for _, node in nodes[:size]])
        self.reader.name_more(checked_rules(request.more_rules), response.nodes)
        if request.with_total:
            response.total = self.reader.count_nodes(resolved)
        next_key = nodes[size - 1][0] if len(nodes) > size else page.next
        if next_key is not None:
            response.next_page_token = tokens.encode(request, {"after": next_key})
        return response

    def _with_waiting(
        self, request: qs.ListNodesRequest, after: PageKey | None, started: NodeList
    ) -> list[tuple[PageKey, query_pb2.Node]]:
        """Returns the found nodes and those between them that were not declared yet."""
        if not _is_by_spec(request) or request.globs or request.outcomes or request.scope != qs.SCOPE_SUBTREE:
            raise UsageError(
                "with_waiting lists nodes below a node in the order of the spec: "
                "leave out with_waiting, or the order, globs and outcomes"
            )
        if self.reader.run().state != query_pb2.RUN_STATE_RUNNING:
            return list(started.nodes)
        # The plan is imported only if something can wait.
        from gator.query.pending.unstarted import unstarted

        until = str(started.next[1]) if started.next is not None else None
        more = unstarted(self.reader, request, str(after[1]) if after else "", until)
        return sorted([*started.nodes, *more], key=lambda entry: entry[0][1])

    def list_failures(self, request: qs.ListFailuresRequest) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their cause.

        Raises NotFoundError if the node is not in the record, and UsageError for a foreign token or too many
        globs.
        """
        _check_globs(request.globs)
        path = request.path or self._run(request.run).ident
        self._check(path)
        return list_failures(self.reader, request, path)

    def list_waiting(self, request: qs.ListWaitingRequest) -> qs.ListWaitingResponse:
        """Returns the nodes that cannot start yet and what they wait for; none if the plan is unknown."""
        if self._run(request.run).state != query_pb2.RUN_STATE_RUNNING:
            return qs.ListWaitingResponse()
        # The plan is imported only if something can wait.
        from gator.query.pending.waiting import waiting

        position = tokens.decode(request, request.page_token, tokens.AfterCount)
        start = position.after if position else 0
        entries = waiting(self.reader, request.path)
        size = page_size(request.page_size)
        response = qs.ListWaitingResponse(
            waiting=entries[start : start + size],
            entries=len(entries),
            jobs=sum(entry.jobs for entry in entries),
        )
        if len(entries) > start + size:
            response.next_page_token = tokens.encode(request, {"after": start + size})
        return response

    def explain_node(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse:
        """Returns why a node of a live run has not started, as far as the record tells."""
        self._run(request.run)
        from gator.query.pending.explain import explain_node

        return explain_node(self.reader, request.path)

    def list_events(self, request: qs.ListEventsRequest) -> qs.ListEventsResponse:
        """Returns events of a node or of all nodes below it."""
        path = request.path or self._run(request.run).ident
        alone = request.scope == qs.SCOPE_NODE
        kinds = list(request.kinds) or LISTED_KINDS
        position = tokens.decode(request, request.page_token, _AfterEvent) or _AfterEvent("", 0)
        left = page_size(request.page_size)
        stored: list[query_pb2.StoredEvent] = []
        size, over = 0, self._budget.begin()
        stores = list(self.reader.positions())
        start = stores.index(position.store) if position.store in stores else 0
        for store in stores[start:]:
            after = position.after if store == position.store else 0
            for events, through in read_to_end(
                self.reader,
                store,
                after,
                min(left, _READ_AT_ONCE),
                path=path if alone else "",
                prefix="" if alone else path,
                attempt=request.attempt,
                kinds=kinds,
                severity=request.severity,
            ):
                for event in events:
                    size += event.ByteSize()
                    if stored and (size > MAX_PAGE_BYTES or not left):
                        left, through = 0, stored[-1].event.seq
                        break
                    stored.append(query_pb2.StoredEvent(store=store, event=event))
                    left -= 1
                if left <= 0 or over():
                    token = tokens.encode(request, {"store": store, "after": through})
                    return qs.ListEventsResponse(events=stored, next_page_token=token)
        return qs.ListEventsResponse(events=stored)

    def list_lines(self, request: qs.ListLinesRequest) -> qs.ListLinesResponse:
        """Returns lines and messages of a job or of all jobs below a node.

        Raises NotFoundError if the node is not in the record, and UsageError if the request is not valid.
        """
        path = request.path or self._run(request.run).ident
        self._check(path)
        _check_globs(request.globs)
        return LinePager(self.reader, request, path, self._budget, self._levels).page()

    def list_line_ranges(self, request: qs.ListLineRangesRequest) -> qs.ListLineRangesResponse:
        """Counts the lines of an attempt by severity. Raises NotFoundError if there is no such attempt."""
        self._run(request.run)
        self._check(request.path)
        attempt = self._attempt(request.path, request.attempt)
        return list_line_ranges(self.reader, request, attempt, self._budget.begin())

    def list_metrics(self, request: qs.ListMetricsRequest) -> qs.ListMetricsResponse:
        """Returns metrics of a node or of all nodes below it. Raises UsageError for an invalid quantile."""
        path = request.path or self._run(request.run).ident
        return MetricPager(self.reader, request, path).page()

    def list_samples(self, request: qs.ListSamplesRequest) -> qs.ListSamplesResponse:
        """Returns the resource usage of an attempt over time, reduced to the requested number of points."""
        self._run(request.run)
        attempt = self._attempt(request.path, request.attempt)
        if attempt is None:
            return qs.ListSamplesResponse()
        samples = Samples(request.path, attempt.number)
        kinds = [attach_pb2.EVENT_KIND_SAMPLE]
        for events, _ in read_to_end(
            self.reader,
            attempt.store,
            0,
            _READ_AT_ONCE,
            path=request.path,
            attempt=attempt.number,
            kinds=kinds,
        ):
            samples.add(events)
        points = min(request.points or 200, _MAX_POINTS)
        return qs.ListSamplesResponse(points=samples.thin(points))

    # -- parts

    def _run(self, run: str) -> query_pb2.Run:
        recorded = self.reader.run()
        if run and run != recorded.id:
            raise NotFoundError(f"there is no run {run} here")
        return recorded

    def _node(self, path: str) -> query_pb2.Node:
        node = self.reader.node(path)
        if node is None:
            raise self._missing(path)
        return node

    def _check(self, path: str) -> None:
        if not self.reader.has_node(path):
            raise self._missing(path)

    def _missing(self, path: str) -> NotFoundError:
        run = self.reader.run()
        if run.state == query_pb2.RUN_STATE_DIED and not run.started_unix_nanos:
            return NotFoundError("the run died before it started anything: see gator.log in its folder")
        return NotFoundError(f"there is no node {path}, or it has not started yet: see `gator tree`")

    def _attempt(self, path: str, number: int) -> query_pb2.Attempt | None:
        attempts = self.reader.attempts(path)
        if not number:
            return attempts[-1] if attempts else None
        for attempt in attempts:
            if attempt.number == number:
                return attempt
        raise no_attempt(path, number, len(attempts))

    def _description(self, path: str) -> query_pb2.JobDescription | None:
        request = self.reader.plan_request()
        if request is None:
            return None
        from gator.core.redact import mask, masked, secret_names
        from gator.plan import recorded_job, recorded_matrix

        job = recorded_job(request, path)
        if job is None:
            return None
        names = secret_names(request)
        matrix = mask(recorded_matrix(request, path), names)
        return query_pb2.JobDescription(
            job=masked(job, names),
            matrix=matrix,
            spec_dir=request.spec_dir,
            launch_dir=request.launch_dir,
        )


def _is_by_spec(request: qs.ListNodesRequest) -> bool:
    return request.order in (qs.NODE_ORDER_UNSPECIFIED, qs.NODE_ORDER_SPEC)


def _check_globs(globs: Sequence[str]) -> None:
    """Raises UsageError if there are more globs than can be compared in a short time."""
    if len(globs) > MAX_ENTRIES:
        raise UsageError(f"{len(globs)} globs were given; the maximum is {MAX_ENTRIES}: name a node above")
