"""An ingest behind a real server, and roots that feed it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gator.errors import UnauthenticatedError
from gator.link import message_parts
from gator.link.server import parent_service
from gator.link.uplink import Uplink
from gator.rpc.auth import ServerLimits
from gator.rpc.server import serve
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.ingest.handler import Ingest
from gator_hub.ingest.writer import Writer
from tests.component.link.fakes import Child, MemoryStore, until

RUN = "a" * 32
ROOT_STORE = "b" * 32
DAEMON_STORE = "c" * 32
SERVER_LIMITS = ServerLimits(
    message_bytes=message_parts.MAX_BYTES,
    calls=8,
    calls_per_token=6,
    request_timeout_seconds=10,
    max_unread_bytes=16 * 1024 * 1024,
)
USERS = {"ada-token": "ada", "bob-token": "bob"}


class Hub:
    """A running ingest."""

    def __init__(self, database: Database, address: str, writer: Writer, ingest: Ingest) -> None:
        self.database, self.address, self.writer, self.ingest = database, address, writer, ingest

    async def write(self, sql: str) -> None:
        """Change something, after all that came before."""
        await asyncio.wrap_future(self.writer.run(lambda database: database.execute(sql) and None))

    def events(self, run: str = RUN) -> list[tuple[str, int, str, int, bytes]]:
        """Store, sequence number, path, attempt and body of all events of a run."""
        sql = (
            "SELECT t.store, e.place, s.path, s.attempt, e.body FROM events AS e"
            " JOIN subjects AS s ON s.id = e.subject JOIN runs AS r ON r.id = s.run"
            " JOIN stores AS t ON t.run = r.id AND t.id = e.place / 68719476736"
            " WHERE r.run = ? ORDER BY e.place"
        )
        rows = self.database.query(sql, (run,))
        return [
            (store, place % (1 << 36), path, attempt, bytes(body))
            for store, place, path, attempt, body in rows
        ]


def user_of(token: str) -> str:
    if token not in USERS:
        raise UnauthenticatedError("wrong token")
    return USERS[token]


@asynccontextmanager
async def hub(url: str, folder: Path) -> AsyncGenerator[Hub]:
    loop = asyncio.get_running_loop()
    database = await asyncio.to_thread(Database.open, url)
    writer = Writer(database, loop.call_soon_threadsafe)
    ingest = Ingest(writer, user_of)
    server = await serve(
        [parent_service(ingest, ingest.intake)],
        address=f"unix:{folder / 'hub'}",
        authenticate=lambda method, token: None,
        server_limits=SERVER_LIMITS,
    )
    try:
        yield Hub(database, server.address, writer, ingest)
    finally:
        await ingest.close()
        await server.stop()
        await asyncio.to_thread(writer.close)
        database.close()


def hello(
    run: str = RUN, store: str = ROOT_STORE, output: Any = attach_pb2.OUTPUT_ALL, **said: Any
) -> attach_pb2.Hello:
    described = attach_pb2.RunDescription(
        run=query_pb2.Run(id=run, ident="top", user="ada", **said), output=output
    )
    return attach_pb2.Hello(
        role=attach_pb2.ROLE_ROOT, id="root", host="node17", run=run, store=store, description=described
    )


async def feed(
    address: str,
    stores: dict[str, MemoryStore],
    *,
    token: str = "ada-token",
    said: attach_pb2.Hello | None = None,
) -> list[Exception]:
    """Send all that stores hold, as a root does, until it is acked; what the hub refused it with."""
    child = Child()
    said = said or hello()
    uplink = Uplink(address, said, token, stores[said.store], child)
    for name, store in stores.items():
        if name != said.store:
            uplink.add_store(name, store)
    running = asyncio.create_task(uplink.run())
    await until(lambda: child.lost or child.welcome)
    if not child.lost:
        await uplink.finish()
    await running
    return child.lost


def of(path: str, attempt: int = 0) -> event_pb2.Event:
    return event_pb2.Event(path=path, attempt=attempt, time_unix_nanos=1_700_000_000_000_000_000)


def declared(path: str, kind: Any = common_pb2.NODE_KIND_JOB) -> event_pb2.Event:
    event = of(path)
    event.declared.kind = kind
    event.declared.jobs = 1
    return event


def started(path: str) -> event_pb2.Event:
    event = of(path, 1)
    event.started.host = "here"
    return event


def log(path: str, text: str, severity: Any = common_pb2.SEVERITY_INFO) -> event_pb2.Event:
    event = of(path, 1)
    event.log.text = text
    event.log.severity = severity
    return event


def block(path: str, data: bytes, severity: Any) -> event_pb2.Event:
    event = of(path, 1)
    event.block.severity = severity
    event.block.encoding = event_pb2.Block.ENCODING_RAW
    event.block.data = data
    return event


def finished(path: str, outcome: Any = common_pb2.OUTCOME_PASSED) -> event_pb2.Event:
    event = of(path, 1)
    event.attempt_finished.outcome = outcome
    return event


def result(path: str, outcome: Any = common_pb2.OUTCOME_PASSED) -> event_pb2.Event:
    event = of(path)
    event.result.outcome = outcome
    event.result.attempts = 1
    return event


def small_run(jobs: int = 30) -> dict[str, MemoryStore]:
    """Returns the stores of a run of a group with jobs, one failed."""
    root, daemon = MemoryStore(), MemoryStore()
    root.append(declared("top", common_pb2.NODE_KIND_GROUP))
    for number in range(jobs):
        path = f"top/x[{number}]"
        outcome = common_pb2.OUTCOME_FAILED if number == 7 else common_pb2.OUTCOME_PASSED
        root.append(declared(path))
        daemon.append(started(path), log(path, f"hello {number}"), finished(path, outcome))
        root.append(result(path, outcome))
    root.append(result("top", common_pb2.OUTCOME_FAILED))
    return {ROOT_STORE: root, DAEMON_STORE: daemon}


def kept(stores: dict[str, MemoryStore], names: Sequence[str] = ()) -> list[tuple[str, int, str, int, bytes]]:
    """As `Hub.events` gives them; the store that was seen first comes first."""
    return [
        (
            name,
            event.seq,
            event.path,
            event.attempt,
            getattr(event, event.WhichOneof("payload") or "").SerializeToString(),
        )
        for name in names or stores
        for event in stores[name].events
    ]
