"""A hub of a few runs: the real queries over their folders, and canned answers about many runs."""

import asyncio
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gator.core.history.cause_rules import CauseRules
from gator.core.history.series import is_of
from gator.errors import NotFoundError, UnauthenticatedError
from gator.query import Queries
from gator.query.servicers import ControlServicer, QueryServicer
from gator.rpc.server import Service, serve
from gator.store.run.reader import FolderReader
from gator.store.run.stores import RunStores
from gator.v1 import control_service_pb2 as cs
from gator.v1 import (
    control_service_pb2_grpc,
    hub_service_pb2_grpc,
    query_pb2,
    query_service_pb2_grpc,
)
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

TOKEN = "the-token"


class HubReader(FolderReader):
    """A run's folder as a hub has it."""

    away_since = 0
    """When the run was last heard from, in nanoseconds since 1970; 0 for a run that is connected."""
    groups: Mapping[str, query_pb2.FailureGroup] = MappingProxyType({})
    """What is known of failures from other runs, by signature."""

    def sightings(
        self, causes: Sequence[str], rules: CauseRules | None = None
    ) -> Mapping[str, query_pb2.FailureGroup]:
        del rules
        return {cause: self.groups[cause] for cause in causes if cause in self.groups}

    def run(self) -> query_pb2.Run:
        run = super().run()
        if self.away_since:
            run.state, run.last_seen_unix_nanos = query_pb2.RUN_STATE_UNSPECIFIED, self.away_since
        return run


class FakeHub(hub_service_pb2_grpc.HubServiceServicer):
    """Records its requests, and returns configured answers."""

    def __init__(self, runs: Mapping[str, Queries]) -> None:
        self._queries = runs
        self.readers: Mapping[str, HubReader] = {}
        self.address = ""
        self.fault: Exception | None = None
        """What is raised when a run is asked about."""
        self.owner = ""
        """The owner of all runs in a list."""
        self.looks = 0
        """How often a run was asked about."""
        self.asked = list[Any]()
        self.stops = list[cs.StopRequest]()
        self.compared = hs.CompareRunsResponse()
        self.history = hs.ListHistoryResponse()

    @property
    def runs(self) -> list[query_pb2.Run]:
        """The runs, the newest first."""
        found = [queries.get_run(qs.GetRunRequest()).run for queries in self._queries.values()]
        for run in found:
            run.owner = self.owner
        return sorted(found, key=lambda run: run.started_unix_nanos, reverse=True)

    def find(self, run: str) -> Queries:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        if run not in self._queries:
            raise NotFoundError(f"there is no run {run!r} here")
        return self._queries[run]

    async def stop(self, request: cs.StopRequest) -> int:
        if request.path and self.find(request.run).get_run(qs.GetRunRequest()).run.ident != request.path:
            raise NotFoundError(f"no node {request.path} is waiting or running: see `gator status`")
        self.stops.append(request)
        return 3

    async def ListRuns(self, request: hs.ListRunsRequest, context: Any) -> hs.ListRunsResponse:
        self.asked.append(request)
        found = [
            run
            for run in self.runs
            if (run.id.startswith(request.name) or run.ident == request.name)
            and run.started_unix_nanos < (request.until_unix_nanos or 1 << 63)
            and (not request.HasField("selection") or is_of(run, request.selection))
            and request.parent in ("", run.parent)
            and not (request.no_repeats and run.parent)
            and request.ident in ("", run.ident)
        ]
        start = int(request.page_token or 0)
        end = start + (request.page_size or 100)
        return hs.ListRunsResponse(
            runs=found[start:end], next_page_token=str(end) if end < len(found) else ""
        )

    async def CompareRuns(self, request: hs.CompareRunsRequest, context: Any) -> hs.CompareRunsResponse:
        self.asked.append(request)
        return self.compared

    async def ListHistory(self, request: hs.ListHistoryRequest, context: Any) -> hs.ListHistoryResponse:
        self.asked.append(request)
        if not self.history.entries:
            raise NotFoundError("no run on this hub has that node")
        return self.history

    async def ListJobStatistics(
        self, request: hs.ListJobStatisticsRequest, context: Any
    ) -> hs.ListJobStatisticsResponse:
        self.asked.append(request)
        return hs.ListJobStatisticsResponse()

    async def CreateSignInCode(
        self, request: hs.CreateSignInCodeRequest, context: Any
    ) -> hs.CreateSignInCodeResponse:
        self.asked.append(request)
        return hs.CreateSignInCodeResponse()

    async def PinRun(self, request: hs.PinRunRequest, context: Any) -> hs.PinRunResponse:
        self.asked.append(request)
        return hs.PinRunResponse()

    async def DeleteRun(self, request: hs.DeleteRunRequest, context: Any) -> hs.DeleteRunResponse:
        self.asked.append(request)
        return hs.DeleteRunResponse()

    async def GiveRun(self, request: hs.GiveRunRequest, context: Any) -> hs.GiveRunResponse:
        self.asked.append(request)
        return hs.GiveRunResponse()

    async def AddCause(self, request: hs.AddCauseRequest, context: Any) -> hs.AddCauseResponse:
        self.asked.append(request)
        return hs.AddCauseResponse()

    async def ListCauses(self, request: hs.ListCausesRequest, context: Any) -> hs.ListCausesResponse:
        self.asked.append(request)
        return hs.ListCausesResponse()

    async def NoteCause(self, request: hs.NoteCauseRequest, context: Any) -> hs.NoteCauseResponse:
        self.asked.append(request)
        return hs.NoteCauseResponse()

    async def RemoveCause(self, request: hs.RemoveCauseRequest, context: Any) -> hs.RemoveCauseResponse:
        self.asked.append(request)
        return hs.RemoveCauseResponse()


@contextmanager
def serving(folders: Mapping[str, Path], *, live: bool = False) -> Generator[FakeHub]:
    """A hub with the runs in some folders, by their ids, in a thread of its own."""
    ready, over = threading.Event(), threading.Event()
    with ExitStack() as left:
        readers = dict[str, HubReader]()
        for run, folder in folders.items():
            files = RunStores.open(folder)
            left.callback(files.close)
            readers[run] = HubReader(files, live=live)
        hub = FakeHub({run: Queries(reader) for run, reader in readers.items()})
        hub.readers = readers
        thread = threading.Thread(target=lambda: asyncio.run(_serve(hub, ready, over)))
        thread.start()
        try:
            assert ready.wait(20)
            yield hub
        finally:
            over.set()
            thread.join(20)


async def _serve(hub: FakeHub, ready: threading.Event, over: threading.Event) -> None:
    def authenticate(method: str, token: str) -> None:
        if token != TOKEN:
            raise UnauthenticatedError("the token is not one of this hub")

    services = [
        Service(
            "gator.v1.QueryService",
            query_service_pb2_grpc.add_QueryServiceServicer_to_server,
            QueryServicer(hub.find, poll_seconds=0.01),
        ),
        Service(
            "gator.v1.ControlService",
            control_service_pb2_grpc.add_ControlServiceServicer_to_server,
            ControlServicer(hub.stop),
        ),
        Service("gator.v1.HubService", hub_service_pb2_grpc.add_HubServiceServicer_to_server, hub),
    ]
    server = await serve(services, address="127.0.0.1:0", authenticate=authenticate)
    hub.address = server.address
    ready.set()
    await asyncio.to_thread(over.wait)
    await server.stop()
