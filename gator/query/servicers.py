"""QueryService and ControlService for grpc.aio. The only module here that imports grpc.

Invariant: queries run on an executor, so the event loop never waits for a store. The queries themselves are
imported with the first request, because a root serves them and most runs get none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakValueDictionary

from gator.v1 import (
    attach_pb2,
    control_service_pb2_grpc,
    query_service_pb2_grpc,
)
from gator.v1 import control_service_pb2 as cs
from gator.v1 import query_service_pb2 as qs

if TYPE_CHECKING:
    from gator.query.queries import Queries
    from gator.query.watch import EventWatch, RunWatch

POLL_SECONDS = 0.1
"""Interval in seconds at which a watch without news polls the run."""

Request = TypeVar("Request")
Response = TypeVar("Response")
Seen = TypeVar("Seen")


class QueryServicer(query_service_pb2_grpc.QueryServiceServicer):
    """Answers with the queries of the run that a request names.

    `find` gets the id of the run, empty for the only one, and raises NotFoundError. `explain`
    answers for a job that the dispatcher of a live root knows; it is called on the event loop.
    """

    def __init__(
        self,
        find: Callable[[str], "Queries"],
        executor: Executor | None = None,
        *,
        poll_seconds: float = POLL_SECONDS,
        explain: Callable[[str], qs.ExplainNodeResponse | None] | None = None,
    ) -> None:
        self._find, self._executor, self._poll = find, executor, poll_seconds
        self._explain = explain
        # Each lives as long as a watch uses it.
        self._shared: WeakValueDictionary[tuple[object, str], SharedPoll[Any]] = WeakValueDictionary()

    async def _answer(
        self, query: "Callable[[Queries, Request], Response]", run: str, request: Request
    ) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: query(self._find(run), request))

    async def GetRun(self, request: qs.GetRunRequest, context: Any) -> qs.GetRunResponse:  # noqa: N802
        """Returns one run."""
        return await self._answer(lambda queries, asked: queries.get_run(asked), request.run, request)

    async def GetNode(self, request: qs.GetNodeRequest, context: Any) -> qs.GetNodeResponse:  # noqa: N802
        """Returns one node with all its attempts."""
        return await self._answer(lambda queries, asked: queries.get_node(asked), request.run, request)

    async def ListNodes(  # noqa: N802
        self, request: qs.ListNodesRequest, context: Any
    ) -> qs.ListNodesResponse:
        """Returns nodes below a node."""
        return await self._answer(lambda queries, asked: queries.list_nodes(asked), request.run, request)

    async def ListFailures(  # noqa: N802
        self, request: qs.ListFailuresRequest, context: Any
    ) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their signature."""
        return await self._answer(lambda queries, asked: queries.list_failures(asked), request.run, request)

    async def ListWaiting(  # noqa: N802
        self, request: qs.ListWaitingRequest, context: Any
    ) -> qs.ListWaitingResponse:
        """Returns what cannot start yet."""
        return await self._answer(lambda queries, asked: queries.list_waiting(asked), request.run, request)

    async def ExplainNode(  # noqa: N802
        self, request: qs.ExplainNodeRequest, context: Any
    ) -> qs.ExplainNodeResponse:
        """Returns why a node has not started: from the dispatcher if that knows it, else from the record."""
        response = await self._answer(
            lambda queries, asked: queries.explain_node(asked), request.run, request
        )
        return (self._explain(request.path) if self._explain is not None else None) or response

    async def ListEvents(  # noqa: N802
        self, request: qs.ListEventsRequest, context: Any
    ) -> qs.ListEventsResponse:
        """Returns events of a node or of all nodes below it."""
        return await self._answer(lambda queries, asked: queries.list_events(asked), request.run, request)

    async def ListLines(  # noqa: N802
        self, request: qs.ListLinesRequest, context: Any
    ) -> qs.ListLinesResponse:
        """Returns lines and messages."""
        return await self._answer(lambda queries, asked: queries.list_lines(asked), request.run, request)

    async def ListLineRanges(  # noqa: N802
        self, request: qs.ListLineRangesRequest, context: Any
    ) -> qs.ListLineRangesResponse:
        """Counts the lines of an attempt by severity."""
        return await self._answer(
            lambda queries, asked: queries.list_line_ranges(asked), request.run, request
        )

    async def ListMetrics(  # noqa: N802
        self, request: qs.ListMetricsRequest, context: Any
    ) -> qs.ListMetricsResponse:
        """Returns metrics of a node or of all nodes below it."""
        return await self._answer(lambda queries, asked: queries.list_metrics(asked), request.run, request)

    async def ListSamples(  # noqa: N802
        self, request: qs.ListSamplesRequest, context: Any
    ) -> qs.ListSamplesResponse:
        """Returns the resource usage of an attempt over time."""
        return await self._answer(lambda queries, asked: queries.list_samples(asked), request.run, request)

    async def WatchRun(  # noqa: N802
        self, request: qs.WatchRunRequest, context: Any
    ) -> AsyncIterator[qs.WatchRunResponse]:
        """Streams the run each time it changes."""

        def begin(queries: "Queries", request: qs.WatchRunRequest) -> "RunWatch":
            from gator.query.watch import RunWatch, check_run

            check_run(queries.reader, request.run)
            return RunWatch(queries.reader, request)

        watch = await self._answer(begin, request.run, request)
        poll = self._share(watch.view.key, watch.view.snapshot)
        while True:
            response = watch.changed(await poll.now())
            if response is not None:
                yield response
            if watch.over:
                return
            await asyncio.sleep(self._poll)

    async def WatchEvents(  # noqa: N802
        self, request: qs.WatchEventsRequest, context: Any
    ) -> AsyncIterator[qs.WatchEventsResponse]:
        """Streams events as they are committed."""

        def begin(queries: "Queries", request: qs.WatchEventsRequest) -> "EventWatch":
            from gator.query.watch import EventWatch, check_run

            check_run(queries.reader, request.run)
            return EventWatch(queries.reader, request)

        watch = await self._answer(begin, request.run, request)
        poll = self._share(watch.key, watch.tips)
        loop = asyncio.get_running_loop()
        while True:
            tips = await poll.now()
            if watch.is_behind(tips):
                response = await loop.run_in_executor(self._executor, watch.poll, tips)
            else:
                # Nothing has to be read, so this takes no time.
                response = watch.poll(tips)
            if response is not None:
                yield response
            if watch.over:
                return
            if response is None:
                await asyncio.sleep(self._poll)

    def _share(self, key: tuple[object, str], poll: Callable[[], Seen]) -> "SharedPoll[Seen]":
        """Returns the shared poll for a key, which is created for the first watch."""
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = SharedPoll(poll, self._executor, self._poll / 2)
        return shared


class SharedPoll(Generic[Seen]):
    """A poll of a run that is shared by all its watches, so that many cost as much as one."""

    def __init__(self, poll: Callable[[], Seen], executor: Executor | None, seconds: float) -> None:
        """Initialises it. A result is valid for `seconds` from the start of its poll, or until its end."""
        self._poll, self._executor, self._seconds = poll, executor, seconds
        self._running: asyncio.Future[Seen] | None = None
        self._until = 0.0

    async def now(self) -> Seen:
        """Returns the result of a recent poll. Raises its error."""
        loop = asyncio.get_running_loop()
        if self._running is None or (self._running.done() and loop.time() >= self._until):
            self._until = loop.time() + self._seconds
            self._running = loop.run_in_executor(self._executor, self._poll)
        # A watch that is cancelled does not cancel the poll of the others.
        return await asyncio.shield(self._running)


class ControlServicer(control_service_pb2_grpc.ControlServiceServicer):
    """Passes orders on.

    `stop` gets a request that names a run of this server, and says how many jobs it ends. It raises
    NotFoundError for a run or node that does not exist.
    """

    def __init__(self, stop: Callable[[cs.StopRequest], Awaitable[int]]) -> None:
        self._stop = stop

    async def Stop(  # noqa: N802
        self, request: cs.StopRequest, context: Any
    ) -> cs.StopResponse:
        """Stops a node and all nodes below it."""
        resolved = cs.StopRequest()
        resolved.CopyFrom(request)
        resolved.mode = request.mode or attach_pb2.STOP_MODE_GRACEFUL
        return cs.StopResponse(jobs=await self._stop(resolved))
