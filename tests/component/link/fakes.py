"""A store, parents and children for tests of Attach."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gator import errors
from gator.core.cursor import Accepted, ConsumerCursor, RecordInbox, matches
from gator.core.tokens import Audience, Tokens
from gator.link.server import ATTACH, ChildLink, parent_service
from gator.rpc.channel import bearer, open_channel
from gator.rpc.server import Server, serve
from gator.v1 import attach_pb2, event_pb2, parent_service_pb2_grpc

TOKENS = Tokens(b"k" * 32)
DAEMON_TOKEN = TOKENS.make(Audience.DAEMON)
PATH = "top/job"
JOB_TOKEN = TOKENS.make(Audience.JOB, PATH, 1)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits on a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)


def log(text: str = "hi", severity: int = 3, path: str = PATH, attempt: int = 1) -> event_pb2.Event:
    event = event_pb2.Event(path=path, attempt=attempt)
    event.log.text = text
    event.log.severity = severity  # type: ignore[assignment]
    return event


def hello(role: attach_pb2.Role.ValueType = attach_pb2.ROLE_WRAPPERS, **fields: Any) -> attach_pb2.Hello:
    if role == attach_pb2.ROLE_CLIENT:
        fields = {"path": PATH, "attempt": 1, **fields}
    return attach_pb2.Hello(role=role, id=fields.pop("id", "d1"), store=fields.pop("store", "s1"), **fields)


def record(number: int, text: str = "hi") -> attach_pb2.AttachRequest:
    return attach_pb2.AttachRequest(record=attach_pb2.Record(number=number, event=log(text)))


class MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self.events: list[event_pb2.Event] = []
        self.reads = 0

    @property
    def committed(self) -> int:
        return len(self.events)

    def append(self, *events: event_pb2.Event) -> None:
        for event in events:
            event.seq = len(self.events) + 1
            self.events.append(event)

    def read(
        self, after: int, wanted: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        self.reads += 1
        found: list[event_pb2.Event] = []
        for event in self.events[after:]:
            if matches(wanted, event):
                found.append(event)
                if len(found) == limit:
                    return found, event.seq
        return found, len(self.events)


class Parent:
    """A parent that keeps what it is told, and acks records."""

    def __init__(self) -> None:
        self.children: list[ChildLink] = []
        self.detached: list[ChildLink] = []
        self.messages: list[attach_pb2.AttachRequest] = []
        self.inbox: dict[str, RecordInbox] = {}
        self.kept: list[str] = []
        self.running = True
        self.ack_records = True

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        TOKENS.check_hello(token, hello)
        return ""

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        self.children.append(child)
        inbox = self.inbox.setdefault(child.hello.id, RecordInbox())
        return attach_pb2.Welcome(version="test", record=inbox.kept)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> None:
        self.messages.append(message)
        if message.WhichOneof("message") == "record":
            self._on_record(child, message.record)

    def _on_record(self, child: ChildLink, record: attach_pb2.Record) -> None:
        if not self.running:
            raise errors.PreconditionError(f"attempt 1 of {PATH} is not running: start it again")
        inbox = self.inbox[child.hello.id]
        if inbox.take(record.number):
            self.kept.append(record.event.log.text or record.event.metric.name)
            inbox.keep(record.number)
        if self.ack_records:
            child.send(attach_pb2.AttachResponse(record_ack=attach_pb2.RecordAck(number=inbox.kept)))

    def on_detached(self, child: ChildLink) -> None:
        self.detached.append(child)

    def names(self) -> list[str | None]:
        return [message.WhichOneof("message") for message in self.messages]


class Consumer(Parent):
    """A parent that subscribes to everything its children have."""

    def __init__(self, *, wanted: attach_pb2.EventFilter | None = None) -> None:
        super().__init__()
        self.cursor = ConsumerCursor()
        self.events: list[event_pb2.Event] = []
        self.gaps = 0
        self.acking = True
        self.wanted = wanted or attach_pb2.EventFilter()

    def subscribe(self, child: ChildLink) -> None:
        request = attach_pb2.Subscribe(
            subscription=1, consumer="test", positions=self.cursor.positions(), filter=self.wanted
        )
        child.send(attach_pb2.AttachResponse(subscribe=request))

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        self.subscribe(child)
        return super().on_attached(child)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> None:
        super().on_message(child, message)
        if message.WhichOneof("message") != "batch":
            return
        got = self.cursor.accept(message.batch)
        if isinstance(got, Accepted):
            self.events.extend(got.events)
        elif got is not None:
            self.gaps += 1
            self.subscribe(child)
        if self.acking:
            self.ack(child, message.batch.store)

    def ack(self, child: ChildLink, store: str) -> None:
        position = attach_pb2.StorePosition(store=store, seq=self.cursor.position(store))
        child.send(attach_pb2.AttachResponse(ack=attach_pb2.Ack(subscription=1, position=position)))


class Child:
    """What an uplink tells its daemon."""

    def __init__(self) -> None:
        self.welcome: attach_pb2.Welcome | None = None
        self.messages: list[attach_pb2.AttachResponse] = []
        self.lost: list[Exception] = []

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        self.welcome = welcome

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        self.messages.append(message)

    def on_lost(self, error: Exception) -> None:
        self.lost.append(error)


def authenticate(method: str, token: str) -> None:
    """As a daemon does it: Attach asks with the Hello, everything else is for the user."""
    if method != ATTACH:
        TOKENS.check(token, Audience.CONTROL)


@asynccontextmanager
async def serving(parent: Any, folder: Path) -> AsyncGenerator[Server]:
    """A real server with ParentService on a unix socket."""
    server = await serve([parent_service(parent)], address=f"unix:{folder / 's'}", authenticate=authenticate)
    try:
        yield server
    finally:
        await server.stop()


class Raw:
    """A child that says whatever a test wants, and gives the status that it gets."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, *requests: attach_pb2.AttachRequest) -> None:
        for request in requests:
            await self.call.write(request)

    async def read(self) -> attach_pb2.AttachResponse:
        return await self.call.read()

    async def status(self) -> tuple[str, Exception]:
        """Name of the code with which the parent ended the stream, and the error it stands for."""
        import grpc
        from grpc import aio

        from gator.rpc import status as rpc_status

        try:
            while await self.call.read() is not aio.EOF:
                pass
        except grpc.RpcError as error:
            return (await self.call.code()).name, rpc_status.error_of_call(error)
        return (await self.call.code()).name, AssertionError("no error")


@asynccontextmanager
async def raw(server: Server, token: str) -> AsyncGenerator[Raw]:
    async with open_channel(server.address) as channel:
        call = parent_service_pb2_grpc.ParentServiceStub(channel).Attach(metadata=bearer(token))
        try:
            yield Raw(call)
        finally:
            call.cancel()
