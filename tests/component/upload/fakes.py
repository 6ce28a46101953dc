"""A hub that keeps in memory what roots send, and a run's folder with stores to send."""

import secrets
import socket
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gator.core.cursor import Accepted, ConsumerCursor, Gap
from gator.errors import UnauthenticatedError
from gator.event_kinds import BULK_KINDS, STATE_KINDS
from gator.link.server import ATTACH, ChildLink, parent_service
from gator.rpc.server import Server, serve
from gator.run_folder import ROOT_STORE, LockHolder, RunFolder
from gator.store import Store
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

TOKEN = "a-token-of-sixteen"
STATES, BULK = 1, 2


class FakeHub:
    """Subscribes twice to each root and remembers the events, longer than its servers."""

    def __init__(self) -> None:
        self.links: list[ChildLink] = []
        self.hellos: list[attach_pb2.Hello] = []
        self.events: dict[str, list[event_pb2.Event]] = {}
        self.attached = 0
        self.detached = 0
        self.gaps = 0
        self.acking = True
        self.refusal: Exception | None = None
        self._cursors = {STATES: ConsumerCursor(), BULK: ConsumerCursor()}

    # -- the handler of ParentService

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        if token != TOKEN:
            raise UnauthenticatedError("the token is not known here")
        if self.refusal is not None:
            raise self.refusal
        return ""

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        self.links.append(child)
        self.hellos.append(child.hello)
        self.attached += 1
        for lane in (STATES, BULK):
            self._subscribe(child, lane)
        return attach_pb2.Welcome(version="fake", subscriptions=2)

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> None:
        if message.WhichOneof("message") != "batch":
            return
        batch = message.batch
        match self._cursors[batch.subscription].accept(batch):
            case Gap():
                self.gaps += 1
                self._subscribe(child, batch.subscription)
            case Accepted(store=store, events=events):
                self.events.setdefault(store, []).extend(events)
            case None:
                pass
        if self.acking:
            self.ack(child, batch)

    def ack(self, child: ChildLink, batch: attach_pb2.Batch) -> None:
        position = attach_pb2.StorePosition(store=batch.store, seq=batch.through)
        child.send(
            attach_pb2.AttachResponse(ack=attach_pb2.Ack(subscription=batch.subscription, position=position))
        )

    def on_detached(self, child: ChildLink) -> None:
        self.links.remove(child)
        self.detached += 1

    # -- what a test asks

    def sequences(self, store: str) -> list[int]:
        """The numbers of the events of a store, sorted; each stands as often as it came."""
        return sorted(event.seq for event in self.events.get(store, []))

    def results(self) -> Mapping[str, common_pb2.Outcome.ValueType]:
        return {
            event.path: event.result.outcome
            for events in self.events.values()
            for event in events
            if event.WhichOneof("payload") == "result"
        }

    def cut(self) -> None:
        """End all streams as a hub that goes away."""
        from gator.errors import UnavailableError

        for link in list(self.links):
            link.close(UnavailableError("the hub is about to stop"))

    def _subscribe(self, child: ChildLink, lane: int) -> None:
        output = child.hello.description.output
        wanted = attach_pb2.EventFilter(kinds=STATE_KINDS if lane == STATES else BULK_KINDS)
        if lane == BULK and output == attach_pb2.OUTPUT_NONE:
            wanted = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_SAMPLE])
        elif lane == BULK and output == attach_pb2.OUTPUT_WARNINGS:
            wanted = attach_pb2.EventFilter(kinds=BULK_KINDS, severity=common_pb2.SEVERITY_WARNING)
        positions = self._cursors[lane].positions()
        subscribe = attach_pb2.Subscribe(
            subscription=lane, consumer="fake", positions=positions, filter=wanted
        )
        child.send(attach_pb2.AttachResponse(subscribe=subscribe))


def _authenticate(method: str, token: str) -> None:
    if method != ATTACH and token != TOKEN:
        raise UnauthenticatedError("the token is not known here")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@asynccontextmanager
async def serving(hub: FakeHub, address: str = "127.0.0.1:0") -> AsyncGenerator[Server]:
    """A real server for a hub."""
    server = await serve([parent_service(hub)], address=address, authenticate=_authenticate)
    try:
        yield server
    finally:
        await server.stop()


class FakeRun:
    """The folder of a run that a test writes."""

    def __init__(self, path: Path, description: attach_pb2.RunDescription | None = None) -> None:
        self.folder = RunFolder.exactly(path)
        self.run = secrets.token_hex(16)
        self.description = attach_pb2.RunDescription(
            run=query_pb2.Run(ident="top", version="test", user="me")
        )
        self.description.MergeFrom(description or attach_pb2.RunDescription())
        self.folder.lock(LockHolder.this_process(self.run))
        self.stores: dict[str, Store] = {}

    def store(self, name: str = "root") -> Store:
        """A store of the run; made when it is first asked for."""
        if name not in self.stores:
            self.stores[name] = Store.create(
                self.folder.stores / (ROOT_STORE if name == "root" else f"{name}.db"),
                store_id=secrets.token_hex(16),
                run=self.run,
                daemon=name,
                host="here",
                catalogue=name == "root",
                post=lambda call: call(),
                description=self.description if name == "root" else None,
            )
        return self.stores[name]

    def log(self, name: str, *texts: str, severity: int = 2, path: str = "top/job") -> None:
        events: list[event_pb2.Event] = []
        for text in texts:
            event = event_pb2.Event(path=path, attempt=1, time_unix_nanos=1)
            event.log.text = text
            event.log.severity = severity  # type: ignore[assignment]
            events.append(event)
        self._append(name, events)

    def result(self, path: str = "top") -> None:
        event = event_pb2.Event(path=path, time_unix_nanos=1)
        event.result.outcome = common_pb2.OUTCOME_PASSED
        self._append("root", [event])

    def _append(self, name: str, events: list[event_pb2.Event]) -> None:
        """Append events and wait until they are committed, so that the next poll of an upload finds them."""
        committed = threading.Event()
        self.store(name).append(events, committed.set)
        assert committed.wait(30)

    def end(self) -> None:
        """Close everything."""
        for store in self.stores.values():
            store.close()
        self.folder.unlock()
