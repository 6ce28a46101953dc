"""What roots send that is large, or becomes large: it comes in parts, and has a bound."""

import traceback
from pathlib import Path
from typing import Any, cast

import pytest

from gator.errors import ProtocolError, UnavailableError
from gator.link import server, session
from gator.link.message_parts import MAX_BYTES, parts_of
from gator.link.server import ATTACH
from gator.link.size_limits import MAX_ENTRIES, has_too_many, shorten_description, shortened
from gator.rpc.channel import bearer, open_channel
from gator.rpc.limits import ConnectionQuota, FairSemaphore
from gator.v1 import attach_pb2, event_pb2
from tests.component.hub.ingest.ingesting import (
    ROOT_STORE,
    RUN,
    block,
    declared,
    feed,
    hello,
    hub,
    log,
    of,
    result,
)
from tests.component.link.fakes import MemoryStore, raw, until

TOKEN = "ada-token"


def store_of(*events: event_pb2.Event) -> dict[str, MemoryStore]:
    store = MemoryStore()
    store.append(declared("top"), *events, result("top"))
    return {ROOT_STORE: store}


def of_entries(count: int) -> event_pb2.Event:
    event = of("top")
    event.result.metrics.extend(event_pb2.MetricTotal(name="m") for _ in range(count))
    return event


async def test_what_is_larger_than_a_message_is_kept_whole(database_url: str, tmp_path: Path) -> None:
    line, lines = log("top", "x" * 1_000_000), block("top", bytes(500_000), 2)
    async with hub(database_url, tmp_path) as there:
        said = hello(argv=["x" * 1_500_000])
        assert await feed(there.address, store_of(line, lines, log("top", "after")), said=said) == []
        bodies = [body for *_, body in there.events()]
        assert line.log.SerializeToString() in bodies
        assert lines.block.SerializeToString() in bodies
        assert len(bodies) == 5


def test_each_part_of_a_message_has_at_most_the_maximum_size() -> None:
    small = attach_pb2.AttachRequest(hello=hello())
    assert list(parts_of(small)) == [small]
    large = attach_pb2.AttachRequest(hello=hello(argv=["x" * 3 * MAX_BYTES]))
    parts = list(parts_of(large))
    assert [part.part.more for part in parts] == [True, True, True, False]
    assert max(part.ByteSize() for part in parts) <= MAX_BYTES
    assert b"".join(part.part.data for part in parts) == large.SerializeToString()


async def test_a_message_whose_rest_does_not_come_takes_its_turn_from_nobody(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PART_SECONDS", 0.2)
    async with hub(sqlite_url, tmp_path) as there:
        there.ingest.intake.joining = FairSemaphore(1, 1)
        async with raw(cast("Any", there), TOKEN) as child:
            await child.send(attach_pb2.AttachRequest(part=attach_pb2.Part(data=b"x", more=True)))
            assert await feed(there.address, store_of(), said=hello(argv=["x" * 300_000])) == []
            code, error = await child.status()
            assert (code, type(error)) == ("UNAVAILABLE", UnavailableError)
            assert "the rest of a message did not arrive" in str(error)


async def test_all_parts_of_a_message_have_a_bound(sqlite_url: str, tmp_path: Path) -> None:
    async with hub(sqlite_url, tmp_path) as there, raw(cast("Any", there), TOKEN) as child:
        there.ingest.intake.max_message_bytes = 100_000
        part = attach_pb2.AttachRequest(part=attach_pb2.Part(data=bytes(60_000), more=True))
        await child.send(part, part)
        assert (await child.status())[0] == "INVALID_ARGUMENT"


async def test_nothing_comes_between_the_parts_of_a_message(sqlite_url: str, tmp_path: Path) -> None:
    async with hub(sqlite_url, tmp_path) as there, raw(cast("Any", there), TOKEN) as child:
        part = attach_pb2.AttachRequest(part=attach_pb2.Part(data=b"x", more=True))
        await child.send(part, attach_pb2.AttachRequest(hello=hello()))
        assert (await child.status())[0] == "INVALID_ARGUMENT"


async def test_so_many_streams_there_are_at_once_and_of_one_token_fewer(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with hub(sqlite_url, tmp_path) as there:
        there.ingest.intake.streams = ConnectionQuota(2, 1)
        async with raw(cast("Any", there), TOKEN) as first:
            await first.send(attach_pb2.AttachRequest(hello=hello()))
            await first.read()
            (refusal,) = await feed(there.address, store_of())
            assert isinstance(refusal, UnavailableError)
            other = {"e" * 32: store_of()[ROOT_STORE]}
            said = hello("d" * 32, "e" * 32)
            assert await feed(there.address, other, token="bob-token", said=said) == []
        await until(lambda: not there.ingest.attached(RUN))
        assert await feed(there.address, store_of()) == []


async def test_a_run_of_which_too_many_small_things_are_said_is_refused(
    sqlite_url: str, tmp_path: Path
) -> None:
    said = hello()
    said.description.plan.only.extend([""] * 200_000)
    async with hub(sqlite_url, tmp_path) as there:
        (refusal,) = await feed(there.address, store_of(), said=said)
        assert isinstance(refusal, ProtocolError)
        assert there.database.query("SELECT count(*) FROM runs") == [(0,)]
        shorten_description(said.description)
        assert await feed(there.address, store_of(), said=said) == []


def test_the_plan_of_many_jobs_is_not_too_much() -> None:
    said = attach_pb2.RunDescription()
    for number in range(20_000):
        job = said.plan.spec.group.jobs.add().job
        job.ident = f"job-{number:06}"
        job.command = "bash"
        job.args.extend(["-c", f"make check-{number:06} with-all-of-its-options"])
    assert said.ByteSize() > 1_000_000
    assert not has_too_many(said)
    said.plan.only.extend([""] * 400_000)
    assert has_too_many(said)
    shorten_description(said)
    assert not said.HasField("plan")


async def test_an_event_with_longer_lists_than_a_root_sends_is_refused(
    sqlite_url: str, tmp_path: Path
) -> None:
    much = of_entries(MAX_ENTRIES + 1)
    async with hub(sqlite_url, tmp_path) as there:
        (refusal,) = await feed(there.address, store_of(much))
        assert isinstance(refusal, ProtocolError)
        assert there.events() == []
        assert await feed(there.address, store_of(shortened(much))) == []
        assert len(there.events()) == 3


async def test_what_is_said_twice_is_unpacked_anew_without_the_first(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    unpacked = server._unpacked  # pyright: ignore[reportPrivateUsage]

    def watched(data: bytes) -> attach_pb2.AttachRequest:
        sizes.append(len(data))
        return unpacked(data)

    monkeypatch.setattr(server, "_unpacked", watched)
    # Of these two the last counts.
    first = attach_pb2.AttachRequest(tip=attach_pb2.Tip(disk_full=True)).SerializeToString()
    said = attach_pb2.AttachRequest(hello=hello()).SerializeToString()
    async with hub(sqlite_url, tmp_path) as there, open_channel(there.address) as channel:
        call: Any = cast("Any", channel).stream_stream(ATTACH)(metadata=bearer(TOKEN))
        await call.write(first + said)
        assert await call.read()
        assert sizes == [len(first) + len(said), len(said)]
        call.cancel()


async def test_an_error_holds_nothing_of_what_it_is_about() -> None:
    class Refusing:
        def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
            raise ProtocolError("not this one")

    class Once:
        async def read(self) -> attach_pb2.AttachRequest:
            return attach_pb2.AttachRequest(hello=hello())

    with pytest.raises(ProtocolError) as caught:
        await session.attend(Refusing(), Once(), TOKEN)  # type: ignore[arg-type]
    error = caught.value
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert frames[-1] == "attend"
    assert error.__context__ is None
