"""What the hub keeps of what roots send, on both databases."""

import asyncio
import logging
from pathlib import Path

import pytest

from gator.errors import PermissionDeniedError, PreconditionError, UnauthenticatedError
from gator.store.catalogue.changes import Changes
from gator.store.catalogue.fields import Row
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.hub.ingest.ingesting import (
    DAEMON_STORE,
    ROOT_STORE,
    RUN,
    block,
    declared,
    feed,
    hello,
    hub,
    kept,
    log,
    result,
    small_run,
    started,
)
from tests.component.hub.postgres import PostgresServer
from tests.component.link.fakes import MemoryStore, raw, until


def path_of(row: Row) -> bytes:
    return row["path"].encode()


async def test_everything_is_kept_once_and_the_catalogue_follows(database_url: str, tmp_path: Path) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, stores) == []
        assert sorted(there.events()) == sorted(kept(stores))
        changes = Changes()
        for name, store in stores.items():
            changes.take(name, store.events)
        nodes = there.database.query("SELECT path, sort, state, outcome, attempts FROM nodes ORDER BY path")
        assert nodes == [
            tuple(map(row.get, ("path", "sort", "state", "outcome", "attempts")))
            for row in sorted(changes.nodes.values(), key=path_of)
        ]
        attempts = there.database.query("SELECT path, number, store, first_seq FROM attempts ORDER BY path")
        assert attempts == [
            tuple(map(row.get, ("path", "number", "store", "first_seq")))
            for row in sorted(changes.attempts.values(), key=path_of)
        ]
        ((outcome, ended),) = there.database.query("SELECT outcome, ended_unix_nanos FROM runs")
        assert (outcome, ended) == (common_pb2.OUTCOME_FAILED, stores[ROOT_STORE].events[-1].time_unix_nanos)


async def test_what_was_sent_before_is_not_sent_again(database_url: str, tmp_path: Path) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        await feed(there.address, stores)
        stores[DAEMON_STORE].append(log("top/x[3]", "late"))
        await feed(there.address, stores)
        assert sorted(there.events()) == sorted(kept(stores))
    async with hub(database_url, tmp_path) as there:
        # Another hub on the same database goes on where the one before stood.
        stores[DAEMON_STORE].append(log("top/x[4]", "later"))
        await feed(there.address, stores)
        assert sorted(there.events()) == sorted(kept(stores))


async def test_two_who_feed_one_run_at_once_leave_each_event_once(database_url: str, tmp_path: Path) -> None:
    stores = small_run(300)
    again = small_run(300)
    async with hub(database_url, tmp_path) as there:
        refused = await asyncio.gather(*(feed(there.address, some) for some in (stores, again)))
        assert refused == [[], []]
        assert sorted(there.events()) == sorted(kept(stores))


async def test_only_the_output_that_is_wanted_comes(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        for number, (output, texts) in enumerate(
            (
                (attach_pb2.OUTPUT_WARNINGS, [b"careful", b"from stderr"]),
                (attach_pb2.OUTPUT_NONE, []),
                (attach_pb2.OUTPUT_ALL, [b"plain", b"careful", b"from stdout", b"from stderr"]),
            )
        ):
            run, name = f"f{number}", f"store{number}"
            store = MemoryStore()
            store.append(
                declared("top"),
                started("top"),
                log("top", "plain"),
                log("top", "careful", common_pb2.SEVERITY_WARNING),
                block("top", b"from stdout", common_pb2.SEVERITY_INFO),
                block("top", b"from stderr", common_pb2.SEVERITY_ERROR),
                result("top"),
            )
            await feed(there.address, {name: store}, said=hello(run, name, output))
            bodies = [body for *_, body in there.events(run)]
            said = (b"plain", b"careful", b"from stdout", b"from stderr")
            assert [text for text in said if any(text in body for body in bodies)] == texts
            assert len(bodies) == 3 + len(texts)


async def test_text_that_a_database_refuses_is_kept_readable(database_url: str, tmp_path: Path) -> None:
    store = MemoryStore()
    end = result("top", common_pb2.OUTCOME_FAILED)
    end.result.message = "a\0b \ufffd \U0001f40a"
    store.append(declared("top"), log("top", "x\0y"), end)
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert there.database.query("SELECT message FROM nodes") == [("a\\x00b \ufffd \U0001f40a",)]
        assert sorted(there.events()) == sorted(kept({ROOT_STORE: store}))


async def test_a_stranger_and_a_false_owner_are_refused(database_url: str, tmp_path: Path) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        (refusal,) = await feed(there.address, stores, token="stranger")
        assert isinstance(refusal, UnauthenticatedError)
        assert await feed(there.address, stores) == []
        (refusal,) = await feed(there.address, stores, token="bob-token")
        assert isinstance(refusal, PermissionDeniedError)
        other = {"d" * 32: MemoryStore()}
        other["d" * 32].append(declared("top"))
        (refusal,) = await feed(there.address, other, said=hello(RUN, "d" * 32))
        assert isinstance(refusal, PreconditionError)
        assert sorted(there.events()) == sorted(kept(stores))


def batch(
    *events: object, after: int = 0, through: int = 0, store: str = ROOT_STORE, lane: int = 2
) -> attach_pb2.Batch:
    one = attach_pb2.Batch(subscription=lane, store=store, after=after, through=through or len(events))
    one.events.extend(events)  # type: ignore[arg-type]
    for number, event in enumerate(one.events, after + 1):
        event.seq = event.seq or number
    return one


def numbered(seq: int, event: event_pb2.Event) -> event_pb2.Event:
    event.seq = seq
    return event


WRONG = {
    "not subscribed": batch(log("top", "x"), lane=9),
    "the path of another run": batch(log("other/x", "x")),
    "a store without a name": batch(log("top", "x"), store=""),
    "a store that is too long": batch(through=1 << 40),
    "an event beyond its batch": batch(log("top", "x"), log("top", "y"), through=1),
    "two events in the wrong order": batch(numbered(2, log("top", "x")), numbered(1, log("top", "y"))),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_garbage_ends_its_own_stream_and_no_other(
    wrong: str, database_url: str, tmp_path: Path
) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        other = MemoryStore()
        other.append(declared("top"))
        await feed(there.address, {"e" * 32: other}, said=hello("e" * 32, "e" * 32))
        async with raw(there, "ada-token") as child:  # type: ignore[arg-type]
            await child.send(attach_pb2.AttachRequest(hello=hello("f" * 32, "f" * 32)))
            await child.read()
            while (await child.read()).WhichOneof("message") != "subscribe":
                pass
            await child.read()
            await child.send(attach_pb2.AttachRequest(batch=WRONG[wrong]))
            code, _ = await child.status()
            assert code == "INVALID_ARGUMENT"
        assert await feed(there.address, stores) == []
        assert sorted(there.events()) == sorted(kept(stores))


async def test_a_value_that_no_database_takes_ends_its_own_stream(database_url: str, tmp_path: Path) -> None:
    wrong = MemoryStore()
    end = result("top")
    end.result.usage.peak_memory_bytes = (1 << 64) - 1
    wrong.append(declared("top"), end)
    stores = small_run(200)
    async with hub(database_url, tmp_path) as there:
        refused, well = await asyncio.gather(
            feed(there.address, {"e" * 32: wrong}, said=hello("e" * 32, "e" * 32)),
            feed(there.address, stores),
        )
        assert len(refused) == 1
        assert well == []
        assert sorted(there.events()) == sorted(kept(stores))


async def test_an_event_below_its_batch_ends_the_stream_that_sent_it(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        hub(database_url, tmp_path) as there,
        raw(there, "ada-token") as child,  # type: ignore[arg-type]
    ):
        await child.send(attach_pb2.AttachRequest(hello=hello()))
        await child.read()
        await child.read()
        await child.read()
        await child.send(attach_pb2.AttachRequest(batch=batch(log("top", "x"), log("top", "y"))))
        twice = batch(numbered(1, log("top", "z")), after=2, through=3)
        await child.send(attach_pb2.AttachRequest(batch=twice))
        code, said = await child.status()
        assert code == "INVALID_ARGUMENT"
        assert "event 1 is out of order" in str(said)


async def test_two_events_under_one_number_end_the_stream_that_sent_them(
    database_url: str, tmp_path: Path
) -> None:
    async with hub(database_url, tmp_path) as there:
        async with raw(there, "ada-token") as child:  # type: ignore[arg-type]
            await child.send(attach_pb2.AttachRequest(hello=hello()))
            await child.read()
            await child.read()
            await child.read()
            await child.send(attach_pb2.AttachRequest(batch=batch(log("top", "x"))))
            await child.send(attach_pb2.AttachRequest(batch=batch(declared("top"), lane=1)))
            code, said = await child.status()
            assert code == "INVALID_ARGUMENT"
            assert "have one number" in str(said)
        assert [event[1] for event in there.events()] in ([1], [])


async def test_a_run_is_connected_while_somebody_feeds_it(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        connected = "SELECT connected FROM runs"
        async with raw(there, "ada-token") as child:  # type: ignore[arg-type]
            await child.send(attach_pb2.AttachRequest(hello=hello()))
            await child.read()
            await child.read()
            assert there.database.query(connected) == [(1,)]
        await until(lambda: there.database.query(connected) == [(0,)])


async def test_runs_that_come_and_go_are_lines_of_the_log(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gator.hub")

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records]

    async with hub(database_url, tmp_path) as there:
        await feed(there.address, small_run())
        attached = "run top (aaaaaaaa) of ada on node17 attached"
        await until(lambda: len(lines()) == 2)
        assert lines() == [attached, "run top (aaaaaaaa) left at its end (failed), events kept: 152"]
        wrong = batch(log("other", "x"), store="d" * 32)
        for said, how in ((None, "left before its end"), (wrong, "dropped (an event is about a node")):
            caplog.clear()
            async with raw(there, "ada-token") as child:  # type: ignore[arg-type]
                await child.send(attach_pb2.AttachRequest(hello=hello("b" * 32, "d" * 32)))
                await child.read()
                await child.read()
                if said is not None:
                    await child.send(attach_pb2.AttachRequest(batch=said))
                    await child.status()
            await until(lambda: len(lines()) == 2)
            assert lines()[0] == "run top (bbbbbbbb) of ada on node17 attached"
            assert lines()[1].startswith(f"run top (bbbbbbbb) {how}")
            assert lines()[1].endswith("events kept: 0")


async def test_a_server_that_is_started_again_under_load_loses_nothing(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    stores = small_run(3000)
    async with hub(postgres_server.new_database(), tmp_path) as there:
        feeding = asyncio.create_task(feed(there.address, stores))
        await until(lambda: any(store.reads > 2 for store in stores.values()))
        await asyncio.to_thread(postgres_server.restart)
        assert await feeding == []
        assert sorted(there.events()) == sorted(kept(stores))
