"""A root that is newer than the hub: what the hub knows is kept, what it does not know does no harm."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from gator.query import Queries
from gator.rpc.channel import bearer, open_channel
from gator.v1 import attach_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.reader import HubReader
from tests.component.hub.ingest.ingesting import (
    ROOT_STORE,
    Hub,
    declared,
    finished,
    hello,
    hub,
    log,
    result,
    started,
)
from tests.component.link.fakes import until
from tests.component.upload.peers import NEW_FIELD, newer

NEW_VALUE: Any = 42
ATTACH = "/gator.v1.ParentService/Attach"


class Bytes:
    """A root that speaks in bytes."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def send(self, message: attach_pb2.AttachRequest, more: bytes = NEW_FIELD) -> None:
        await self._call.write(message.SerializeToString() + more)

    async def read(self) -> attach_pb2.AttachResponse:
        return attach_pb2.AttachResponse.FromString(await self._call.read())


@asynccontextmanager
async def root(there: Hub) -> AsyncGenerator[Bytes]:
    async with open_channel(there.address) as channel:
        call: Any = cast("Any", channel).stream_stream(ATTACH)(metadata=bearer("ada-token"))
        try:
            yield Bytes(call)
        finally:
            call.cancel()


def new_events() -> list[event_pb2.Event]:
    """A run in which some is known, some has more than is known, and some is not known at all."""
    node = newer(declared("top"))
    node.declared.kind = NEW_VALUE
    end = newer(finished("top", NEW_VALUE))
    end.attempt_finished.reason = NEW_VALUE
    last = newer(result("top", NEW_VALUE))
    last.result.reason = NEW_VALUE
    newer(last.result)
    unknown = newer(event_pb2.Event(path="top", attempt=1, time_unix_nanos=1))
    return [node, newer(started("top")), unknown, newer(log("top", "x", NEW_VALUE)), end, last]


async def test_a_newer_root_is_taken_as_far_as_it_is_known(database_url: str, tmp_path: Path) -> None:
    events = new_events()
    for seq, event in enumerate(events, 1):
        event.seq = seq
    async with hub(database_url, tmp_path) as there, root(there) as child:
        said = newer(hello(output=NEW_VALUE))
        said.version = "99.1"
        newer(said.description)
        newer(said.description.run)
        await child.send(attach_pb2.AttachRequest(hello=said))
        # A message that is not known at all.
        await child.send(attach_pb2.AttachRequest())
        welcome = await child.read()
        assert welcome.welcome.subscriptions == 2
        wanted = [(await child.read()).subscribe for _ in range(2)]
        # What it is to keep is not known, so it is not asked for.
        assert list(wanted[1].filter.kinds) == [attach_pb2.EVENT_KIND_SAMPLE]
        for lane, chosen in ((1, [*events[:3], *events[4:]]), (2, events[3:4])):
            batch = newer(attach_pb2.Batch(subscription=lane, store=ROOT_STORE, through=len(events)))
            batch.events.extend(chosen)
            await child.send(attach_pb2.AttachRequest(batch=batch))
            ack = (await child.read()).ack
            assert (ack.subscription, ack.position.seq) == (lane, len(events))
        kept = there.events()
        assert [seq for _, seq, *_ in kept] == [1, 2, 4, 5, 6]
        assert NEW_FIELD in kept[-1][-1], "a newer hub may read later what is not known now"
        await until(lambda: there.database.query("SELECT outcome FROM runs") == [(int(NEW_VALUE),)])
        queries = Queries(HubReader(there.database, 1))
        assert queries.get_node(qs.GetNodeRequest()).node.outcome == NEW_VALUE
        found = queries.list_events(qs.ListEventsRequest()).events
        assert [stored.event.seq for stored in found] == [1, 2, 4, 5, 6]
        assert queries.get_run(qs.GetRunRequest()).run.state == query_pb2.RUN_STATE_ENDED
