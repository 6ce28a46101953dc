"""The services over a real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from gator.cli.runs.remote import remote_api
from gator.errors import NotFoundError, UnauthenticatedError
from gator.query import Queries
from gator.query.servicers import ControlServicer, QueryServicer
from gator.query.watch import EventWatch, RunSnapshot, RunView, Tips
from gator.rpc.channel import bearer, open_channel
from gator.rpc.server import Service, serve
from gator.store.run.reader import FolderReader
from gator.v1 import (
    attach_pb2,
    control_service_pb2_grpc,
    query_pb2,
    query_service_pb2_grpc,
)
from gator.v1 import control_service_pb2 as cs
from gator.v1 import query_service_pb2 as qs
from tests.component.query import runs

TOKEN = bearer("secret")


@dataclass
class Served:
    queries: "query_service_pb2_grpc.QueryServiceAsyncStub"
    control: "control_service_pb2_grpc.ControlServiceAsyncStub"
    builder: runs.RunBuilder
    stops: list[cs.StopRequest]
    address: str


@pytest.fixture
async def served(builder: runs.RunBuilder, tmp_path: Path) -> AsyncIterator[Served]:
    stops: list[cs.StopRequest] = []

    async def stop(request: cs.StopRequest) -> int:
        if request.path == "nowhere":
            raise NotFoundError("there is no node nowhere")
        stops.append(request)
        return 3

    def authenticate(method: str, token: str) -> None:
        if token != "secret":
            raise UnauthenticatedError("no token")

    with FolderReader.open(builder.folder.path, live=True) as reader:
        queries = Queries(reader)
        services = [
            Service(
                "gator.v1.QueryService",
                query_service_pb2_grpc.add_QueryServiceServicer_to_server,
                QueryServicer(lambda _: queries, poll_seconds=0.01),
            ),
            Service(
                "gator.v1.ControlService",
                control_service_pb2_grpc.add_ControlServiceServicer_to_server,
                ControlServicer(stop),
            ),
        ]
        server = await serve(services, address=f"unix:{tmp_path}/s", authenticate=authenticate)
        channel = open_channel(server.address)
        yield Served(
            query_service_pb2_grpc.QueryServiceStub(channel),
            control_service_pb2_grpc.ControlServiceStub(channel),
            builder,
            stops,
            server.address,
        )
        await channel.close()
        await server.stop()


async def test_every_query_is_answered_as_without_a_server(served: Served) -> None:
    with FolderReader.open(served.builder.folder.path, live=True) as reader:
        local = Queries(reader)
        stub = served.queries
        assert await stub.GetRun(qs.GetRunRequest(), metadata=TOKEN) == local.get_run(qs.GetRunRequest())
        node = qs.GetNodeRequest(path="top/bad")
        assert await stub.GetNode(node, metadata=TOKEN) == local.get_node(node)
        waiting = qs.ListWaitingRequest()
        assert await stub.ListWaiting(waiting, metadata=TOKEN) == local.list_waiting(waiting)
        events = qs.ListEventsRequest()
        assert await stub.ListEvents(events, metadata=TOKEN) == local.list_events(events)
        lines = qs.ListLinesRequest()
        assert await stub.ListLines(lines, metadata=TOKEN) == local.list_lines(lines)
        metrics = qs.ListMetricsRequest()
        assert await stub.ListMetrics(metrics, metadata=TOKEN) == local.list_metrics(metrics)
        samples = qs.ListSamplesRequest(path="top/good")
        assert await stub.ListSamples(samples, metadata=TOKEN) == local.list_samples(samples)
        nodes = await stub.ListNodes(qs.ListNodesRequest(), metadata=TOKEN)
        assert [node.path for node in nodes.nodes] == ["top/good", "top/bad"]


async def test_errors_have_their_codes(served: Served) -> None:
    for request, code in (
        (qs.ListLinesRequest(regex="("), grpc.StatusCode.INVALID_ARGUMENT),
        (qs.ListLinesRequest(page_token="rubbish"), grpc.StatusCode.INVALID_ARGUMENT),
        (qs.ListLinesRequest(path="nowhere"), grpc.StatusCode.NOT_FOUND),
        (qs.ListLinesRequest(run="another"), grpc.StatusCode.NOT_FOUND),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.queries.ListLines(request, metadata=TOKEN)
        assert caught.value.code() == code
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.queries.GetRun(qs.GetRunRequest())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_watch_of_a_run_sends_each_change(served: Served) -> None:
    watch = served.queries.WatchRun(qs.WatchRunRequest(longest=2), metadata=TOKEN)
    first = await watch.read()
    assert isinstance(first, qs.WatchRunResponse)
    served.builder.write(runs.job("top/last", 4))
    second = await watch.read()
    assert isinstance(second, qs.WatchRunResponse)
    assert (first.run.tally.waiting, second.run.tally.waiting) == (1, 0)
    assert second.run.state == query_pb2.RUN_STATE_RUNNING
    watch.cancel()


async def test_watches_with_equal_requests_share_their_polls(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls: list[int] = []
    snapshot = RunView.snapshot

    def counted(view: RunView) -> RunSnapshot:
        polls.append(id(view))
        return snapshot(view)

    monkeypatch.setattr(RunView, "snapshot", counted)
    watches = [served.queries.WatchRun(qs.WatchRunRequest(), metadata=TOKEN) for _ in range(20)]
    for watch in watches:
        assert isinstance(await watch.read(), qs.WatchRunResponse)
    served.builder.write(runs.job("top/last", 4))
    for watch in watches:
        changed = await watch.read()
        assert isinstance(changed, qs.WatchRunResponse)
        assert changed.run.tally.waiting == 0
        watch.cancel()
    assert len(set(polls)) == 1, "one watch polls for all"


async def test_watches_of_events_share_their_polls(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    polls: list[int] = []
    read_tips = EventWatch.tips

    def counted(watch: EventWatch) -> Tips:
        polls.append(id(watch))
        return read_tips(watch)

    monkeypatch.setattr(EventWatch, "tips", counted)
    paths = ["top", "top/good", "top/bad", ""]
    wanted = [attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_DECLARED], prefix=path) for path in paths]
    watches = [
        served.queries.WatchEvents(qs.WatchEventsRequest(filter=one), metadata=TOKEN) for one in wanted
    ]
    numbers: list[int] = []
    for watch in watches:
        first = await watch.read()
        assert isinstance(first, qs.WatchEventsResponse)
        numbers.append(len(first.events))
    # One that goes before another has come shares nothing with it.
    for watch in watches:
        watch.cancel()
    assert numbers == [3, 1, 1, 3]
    assert len(set(polls)) == 1, "one watch polls for all"


async def test_a_watch_of_events_sends_what_is_new(served: Served) -> None:
    wanted = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_DECLARED])
    watch = served.queries.WatchEvents(qs.WatchEventsRequest(filter=wanted), metadata=TOKEN)
    first = await watch.read()
    assert isinstance(first, qs.WatchEventsResponse)
    assert len(first.events) == 3
    served.builder.write(runs.job("top/last", 4))
    second = await watch.read()
    assert isinstance(second, qs.WatchEventsResponse)
    assert [event.event.path for event in second.events] == ["top/last"]
    watch.cancel()


async def test_a_stop_is_passed_on_and_answered_with_the_number_of_jobs(served: Served) -> None:
    request = cs.StopRequest(path="top/bad")
    response = await served.control.Stop(request, metadata=TOKEN)
    assert response.jobs == 3
    (taken,) = served.stops
    assert (taken.path, taken.mode) == ("top/bad", attach_pb2.STOP_MODE_GRACEFUL)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.control.Stop(cs.StopRequest(path="nowhere"), metadata=TOKEN)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_commands_can_ask_the_root_instead_of_its_files(served: Served) -> None:
    with remote_api((served.address, "secret")) as ask:
        run = (await asyncio.to_thread(ask.get_run, qs.GetRunRequest())).run
        assert run.ident == "top"
        with pytest.raises(NotFoundError, match="nowhere"):
            await asyncio.to_thread(ask.get_node, qs.GetNodeRequest(path="nowhere"))
    with remote_api((served.address, "wrong")) as ask, pytest.raises(UnauthenticatedError):
        await asyncio.to_thread(ask.list_lines, qs.ListLinesRequest())
