"""Whatever a request says, who asks gets an answer or an error of his own, never a fault of the server."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gator import errors
from gator.query import Queries, tokens
from gator.query.budget import Budget
from gator.query.watch import EventWatch, RunWatch
from gator.rpc import status as rpc_status
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2
from gator.v1 import control_service_pb2 as cs
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from gator_hub.ingest.handler import Ingest
from gator_hub.queries.runs import OpenRuns
from gator_hub.server.control import HubControl
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.postgres import PostgresServer
from tests.component.hub.queries.filled import FilledHub
from tests.component.query import runs
from tests.properties import examples

ALLOWED = {"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION"}
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "top",
            "top/bad",
            "top/good",
            runs.RUN_ID,
            runs.RUN_ID[:6],
            "0123",
            "a\0b",
            "**",
            "[",
            "(",
            "a{5}",
            "%",
            "'",
            "/",
            "top//",
            "x" * 5000,
            "\U0001f40a",
        ]
    ),
    st.text(max_size=8),
)
INTEGERS: dict[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_ENUM: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.TYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.TYPE_UINT64: (0, (1 << 64) - 1),
}
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 65), 1 << 65),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["", "top", "top/bad", "a\0b", "1", "root"]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("1ab"), inner, max_size=2),
    max_leaves=6,
)
SMALL = st.integers(-2, 3) | st.sampled_from([1 << 36, 1 << 62, (1 << 63) - 1, -(1 << 63)])
AFTER = st.one_of(JSON, SMALL, st.tuples(SMALL | TEXTS, TEXTS, SMALL), st.tuples(SMALL, SMALL))
PLACES = st.one_of(
    JSON,
    st.fixed_dictionaries({"after": AFTER}),
    st.fixed_dictionaries({"after": AFTER, "store": TEXTS}),
    st.fixed_dictionaries(
        {
            "after": AFTER,
            "path": TEXTS,
            "attempt": SMALL,
            "mark": st.tuples(SMALL, SMALL, st.dictionaries(TEXTS, JSON, max_size=2), SMALL) | JSON,
        },
        optional={"first": st.dictionaries(TEXTS, SMALL, max_size=2), "patient": JSON},
    ),
    st.fixed_dictionaries({"seen": JSON}),
    st.fixed_dictionaries({"at": st.dictionaries(TEXTS, SMALL, max_size=2) | JSON, "logs": JSON}),
)


@st.composite
def filled(draw: st.DrawFn, kind: type[Message]) -> Message:
    """A request with some fields set to anything, and perhaps a token that was forged for it."""
    request = kind()
    fill(draw, request)
    token = next((f for f in ("page_token", "resume_token") if f in request.DESCRIPTOR.fields_by_name), None)
    if token is not None and draw(st.booleans()):
        forged = json.dumps([tokens.digest(request), draw(PLACES)])
        setattr(request, token, base64.urlsafe_b64encode(forged.encode()).decode().rstrip("="))
    return request


def fill(draw: st.DrawFn, message: Any) -> None:
    for field in message.DESCRIPTOR.fields:
        # Most are left out, so that what is found depends on few at once.
        if draw(st.integers(0, 3)):
            continue
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value.update(draw(st.dictionaries(TEXTS, TEXTS, max_size=2)))
        elif field.message_type is not None and field.is_repeated:
            for _ in range(draw(st.integers(0, 2))):
                fill(draw, value.add())
        elif field.message_type is not None:
            fill(draw, value)
        elif field.is_repeated:
            value.extend(draw(st.lists(scalar(field), max_size=3)))
        else:
            setattr(message, field.name, draw(scalar(field)))


def scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return TEXTS
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return st.floats()
    minimum, maximum = INTEGERS[field.type]
    return st.sampled_from([0, 1, 2, 3, minimum, maximum]) | st.integers(minimum, maximum)


class Caller:
    """Has the name of the caller."""

    def caller(self, context: object) -> str:
        del context
        return "ada"

    def is_admin(self, name: str) -> bool:
        del name
        return False


class Server:
    """What answers, called as it is when a request has come."""

    def __init__(self, find: Callable[[str], Queries], hub: FilledHub | None) -> None:
        self.find, self.hub = find, hub
        # Each thread that asks has a connection of its own.
        self.pool = ThreadPoolExecutor(1)

    def query(self, name: str, request: Any) -> None:
        getattr(self.find(request.run), name)(request)

    def watch_run(self, request: Any) -> None:
        RunWatch(self.find(request.run).reader, request).poll()

    def watch_events(self, request: Any) -> None:
        EventWatch(self.find(request.run).reader, request).poll()

    def ask(self, name: str, request: Any) -> None:
        assert self.hub is not None
        hub, access = self.hub, Caller()

        async def call() -> None:
            service = HubServicer(hub.database, hub.writer, access, self.pool)  # type: ignore[arg-type]
            await getattr(service, name)(request, None)

        asyncio.run(call())

    def stop(self, request: Any) -> None:
        assert self.hub is not None
        hub = self.hub

        async def call() -> None:
            ingest = Ingest(hub.writer, lambda token: "ada")
            control = HubControl(hub.database, self.pool, Caller(), ingest)  # type: ignore[arg-type]
            await control.Stop(request, None)

        asyncio.run(call())


@pytest.fixture(scope="module", params=["folder", "sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = runs.ended_run(tmp_path_factory.mktemp("run") / "tracking")
    if request.param == "folder":
        with FolderReader.open(folder, live=False) as reader:
            queries = Queries(reader)
            yield Server(lambda _: queries, None)
        return
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        url = postgres.new_database()
    else:
        url = f"sqlite:{tmp_path_factory.mktemp('hub') / 'hub.db'}"
    hub = FilledHub(url)
    try:
        hub.import_folder(folder)
        server = Server(OpenRuns(hub.database, Budget(float, None)).queries, hub)
        yield server
        server.pool.shutdown()
    finally:
        hub.close()


QUERIES: dict[str, type[Message]] = {
    "get_run": qs.GetRunRequest,
    "get_node": qs.GetNodeRequest,
    "list_nodes": qs.ListNodesRequest,
    "list_failures": qs.ListFailuresRequest,
    "list_waiting": qs.ListWaitingRequest,
    "explain_node": qs.ExplainNodeRequest,
    "list_events": qs.ListEventsRequest,
    "list_lines": qs.ListLinesRequest,
    "list_line_ranges": qs.ListLineRangesRequest,
    "list_metrics": qs.ListMetricsRequest,
    "list_samples": qs.ListSamplesRequest,
}
BOUNDED = examples(
    120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(call: Callable[[Any], None], request: Message) -> None:
    try:
        call(request)
    except (errors.GatorError, errors.UserError) as error:
        status = rpc_status.status_of(error)
        assert status.code.name in ALLOWED, status
        assert status.message


@pytest.mark.parametrize("name", QUERIES)
@BOUNDED
@given(data=st.data())
def test_a_question_of_any_content_gets_an_answer_or_a_clear_refusal(
    server: Server, name: str, data: st.DataObject
) -> None:
    request = data.draw(filled(QUERIES[name]))
    check(lambda request: server.query(name, request), request)


@BOUNDED
@given(data=st.data())
def test_a_watch_of_any_content_gets_an_answer_or_a_clear_refusal(
    server: Server, data: st.DataObject
) -> None:
    check(server.watch_run, data.draw(filled(qs.WatchRunRequest)))
    check(server.watch_events, data.draw(filled(qs.WatchEventsRequest)))


HUB: dict[str, type[Message]] = {
    "ListRuns": hs.ListRunsRequest,
    "CompareRuns": hs.CompareRunsRequest,
    "ListHistory": hs.ListHistoryRequest,
    "ListJobStatistics": hs.ListJobStatisticsRequest,
    "CreateSignInCode": hs.CreateSignInCodeRequest,
    "PinRun": hs.PinRunRequest,
    "AddCause": hs.AddCauseRequest,
    "ListCauses": hs.ListCausesRequest,
    "NoteCause": hs.NoteCauseRequest,
    "RemoveCause": hs.RemoveCauseRequest,
}


@pytest.mark.parametrize("name", HUB)
@examples(60, parent=BOUNDED)
@given(data=st.data())
def test_a_question_to_a_hub_of_any_content_gets_an_answer_or_a_clear_refusal(
    server: Server, name: str, data: st.DataObject
) -> None:
    if server.hub is None:
        return
    request = data.draw(filled(HUB[name]))
    check(lambda request: server.ask(name, request), request)


@examples(40, parent=BOUNDED)
@given(data=st.data())
def test_an_order_of_any_content_gets_an_answer_or_a_clear_refusal(
    server: Server, data: st.DataObject
) -> None:
    if server.hub is not None:
        check(server.stop, data.draw(filled(cs.StopRequest)))


def test_every_call_of_the_services_is_tried() -> None:
    query = {method.name for method in qs.DESCRIPTOR.services_by_name["QueryService"].methods}
    tried = {"".join(part.title() for part in name.split("_")) for name in QUERIES}
    assert query == tried | {"WatchRun", "WatchEvents"}
    hub = {method.name for method in hs.DESCRIPTOR.services_by_name["HubService"].methods}
    # What they take away could not be asked again.
    assert hub == HUB.keys() | {"DeleteRun", "GiveRun"}
    assert attach_pb2.DESCRIPTOR.services_by_name == {}
