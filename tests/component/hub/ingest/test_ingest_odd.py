"""Roots that are odd, unlucky or too large for the database, on both databases."""

import asyncio
import random
import string
import threading
from functools import partial
from pathlib import Path

import pytest

from gator.errors import NotFoundError, ProtocolError, UnavailableError
from gator.link.uplink import Uplink
from gator.node_paths import MAX_PATH_BYTES
from gator.spec.metric_names import MAX_NAME
from gator.v1 import attach_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database
from gator_hub.ingest import registry
from gator_hub.ingest.memory_budget import MemoryBudget
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run, list_runs
from gator_hub.retention.retention import Retention
from tests.component.hub.ingest.ingesting import (
    ROOT_STORE,
    RUN,
    Hub,
    declared,
    feed,
    finished,
    hello,
    hub,
    log,
    result,
    started,
)
from tests.component.link.fakes import Child, MemoryStore, raw, until

HOUR = 3_600_000_000_000


def noise(characters: int) -> str:
    """A text that no database can pack."""
    return "".join(random.Random(characters).choices(string.ascii_letters, k=characters))


def one_job() -> dict[str, MemoryStore]:
    store = MemoryStore()
    store.append(declared("top"), result("top"))
    return {ROOT_STORE: store}


def found(there: Hub, name: str, value: str) -> list[query_pb2.Run]:
    return list_runs(there.database, hs.ListRunsRequest(labels={name: value}), None, 9)[0]


async def test_of_a_long_hello_little_is_held_once_it_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    said, stores, child = hello(argv=[noise(100_000)]), one_job(), Child()
    async with hub(sqlite_url, tmp_path) as there:
        running = asyncio.create_task(
            Uplink(there.address, said, "ada-token", stores[ROOT_STORE], child).run()
        )
        await until(lambda: there.events())
        (link,) = there.ingest._roots  # pyright: ignore[reportPrivateUsage]
        assert (link.hello.run, link.hello.description.run.ident) == (RUN, "top")
        assert link.hello.ByteSize() < 1_000
        ((kept,),) = there.database.query("SELECT length(description) FROM descriptions", ())
        assert kept > 100_000
        running.cancel()
        await asyncio.wait({running})


async def test_labels_of_any_length_are_kept_and_found(database_url: str, tmp_path: Path) -> None:
    labels = {"note": noise(20_000), noise(9_000): "🐊" * 3_000, "nul": "a\0b", "": ""}
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, one_job(), said=hello(labels=labels)) == []
        for name, value in labels.items():
            (run,) = found(there, name, value)
            assert run.labels == labels
        assert found(there, "note", "a" + labels["note"]) == []


@pytest.mark.parametrize("name", ["nightly", "", "A" * 32, "a" * 65])
async def test_a_run_is_named_so_that_no_ident_is_taken_for_it(
    sqlite_url: str, tmp_path: Path, name: str
) -> None:
    async with hub(sqlite_url, tmp_path) as there:
        (refusal,) = await feed(there.address, one_job(), said=hello(name))
        assert isinstance(refusal, ProtocolError)
        assert "hexadecimal" in str(refusal)


async def test_what_a_root_says_of_its_run_has_a_bound_but_for_the_command_line(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with hub(sqlite_url, tmp_path) as there:
        (refusal,) = await feed(there.address, one_job(), said=hello(labels={"why": "x" * 70_000}))
        assert isinstance(refusal, ProtocolError)
        assert "the description of the run has 68 KiB" in str(refusal)
        argv = ["gator", "run", "x" * 300_000]
        assert await feed(there.address, one_job(), said=hello(argv=argv)) == []
        assert list(HubReader(there.database, 1).run().argv) == argv


async def test_runs_that_say_much_come_in_smaller_pages(sqlite_url: str, tmp_path: Path) -> None:
    async with hub(sqlite_url, tmp_path) as there:
        for number in range(250):
            described = hello(f"{number:032x}", f"{number}", labels={"why": "x" * 30_000})
            register = partial(registry.register, hello=described, owner="ada")
            await asyncio.wrap_future(there.writer.run(register))
        page, after = list_runs(there.database, hs.ListRunsRequest(), None, 1000)
        rest, end = list_runs(there.database, hs.ListRunsRequest(), after, 1000)
        assert len(page) < 250
        assert len({run.id for run in (*page, *rest)}) == 250
        assert end is None


def long_path() -> str:
    """The longest there may be, with names as long as they may be that no database can pack."""
    path = "top"
    while len(path) + 129 < MAX_PATH_BYTES:
        path += "/" + noise(len(path) + 1)[:128]
    return path + "/" + "é" * ((MAX_PATH_BYTES - len(path) - 1) // 2)


async def test_the_longest_path_there_may_be_is_kept_with_its_metrics(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, name = long_path(), noise(MAX_NAME)
    store = MemoryStore()
    end = result(path)
    end.result.metrics.add(name=name, value=7)
    end.result.metrics.add(name=name + "x", value=8)
    store.append(declared("top"), declared(path), started(path), finished(path), end, result("top"))
    async with hub(database_url, tmp_path) as there:
        assert len(path.encode()) in (MAX_PATH_BYTES - 1, MAX_PATH_BYTES)
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert len(there.events()) == 6
        assert there.database.query("SELECT path, value FROM metrics") == [(path, 7.0)]
        assert HubReader(there.database, 1).node(path) is not None
    assert "is left out" in caplog.text


async def test_metrics_with_refused_names_are_two_lines_of_the_log_for_each_run(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    for path in ("top/a", "top/b", "top"):
        end = result(path)
        end.result.metrics.add(name="a\nb", value=7)
        end.result.metrics.add(name="", value=7)
        store.append(declared(path), end)
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert there.database.query("SELECT name FROM metrics") == []
    first, total = [line for line in caplog.messages if "left out" in line]
    assert first.startswith("run 1: a metric of top/a is left out: its name must have 1 to 128 printable")
    assert "\n" not in first
    assert total == "run 1: 6 metrics are left out because of their names"


async def test_the_log_says_at_each_power_of_ten_how_many_metrics_a_run_lacks(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub(database_url, tmp_path) as there:
        store = MemoryStore()
        for size in (1, 8, 1, 50):
            end = result(f"top/{size}")
            for index in range(size):
                end.result.metrics.add(name=f"{index}\n", value=7)
            store.append(declared(f"top/{size}"), end)
            assert await feed(there.address, {ROOT_STORE: store}) == []
    _, *totals = [line for line in caplog.messages if "left out" in line]
    assert totals == ["run 1: 10 metrics are left out because of their names"]


async def test_a_path_of_many_repeats_is_kept_with_what_it_is_sorted_by(
    database_url: str, tmp_path: Path
) -> None:
    digits = random.Random(1)
    path = "top"
    while len(path) < MAX_PATH_BYTES - 20:
        path += f"/{noise(len(path))[:2]}[{digits.randrange(1_000_000)}]"
    store = MemoryStore()
    store.append(declared("top"), declared(path), result(path), result("top"))
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert HubReader(there.database, 1).node(path) is not None


async def test_a_longer_path_is_refused_for_good(database_url: str, tmp_path: Path) -> None:
    store = MemoryStore()
    store.append(declared("top"), declared(long_path() + "xx"))
    async with hub(database_url, tmp_path) as there:
        (refusal,) = await feed(there.address, {ROOT_STORE: store})
        assert isinstance(refusal, ProtocolError)
        assert "is longer than 2000 bytes" in str(refusal)


async def test_a_metric_that_is_not_a_number_is_left_out(database_url: str, tmp_path: Path) -> None:
    store = MemoryStore()
    end = result("top")
    end.result.metrics.add(name="slack", value=float("nan"))
    end.result.metrics.add(name="cycles", value=float("inf"))
    store.append(declared("top"), end)
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert there.database.query("SELECT name, value FROM metrics") == [("cycles", float("inf"))]


async def test_names_that_differ_in_what_no_database_keeps_are_one(database_url: str, tmp_path: Path) -> None:
    store = MemoryStore()
    end = result("top")
    end.result.metrics.add(name="a\0", value=1)
    end.result.metrics.add(name="a\\x00", value=2)
    for event in (declared, started, finished, result):
        store.append(event("top/x\0"), event("top/x\\x00"))
    store.append(end)
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        assert there.database.query("SELECT name, value FROM metrics") == [("a\\x00", 2.0)]
        assert there.database.query("SELECT path FROM nodes ORDER BY path") == [("top",), ("top/x\\x00",)]
        assert len(there.events()) == 9


@pytest.mark.parametrize("ident", ["", "i" * 129, "a/b", "a\nb"])
async def test_the_ident_of_a_run_is_one_that_a_spec_may_have(
    sqlite_url: str, tmp_path: Path, ident: str
) -> None:
    said = hello()
    said.description.run.ident = ident
    async with hub(sqlite_url, tmp_path) as there:
        (refusal,) = await feed(there.address, one_job(), said=said)
        assert isinstance(refusal, ProtocolError)
        assert "the ident of the run is invalid: an ident " in str(refusal)


async def test_a_root_is_asked_to_come_again_when_the_database_has_lost_what_it_had(
    database_url: str, tmp_path: Path
) -> None:
    async with hub(database_url, tmp_path) as there:

        def lose(database: Database) -> None:
            database.execute("UPDATE stores SET bulk_seq = 0")
            there.writer.forget()

        async with raw(there, "ada-token") as child:  # type: ignore[arg-type]
            await child.send(attach_pb2.AttachRequest(hello=hello()))
            for _ in range(3):
                await child.read()
            for number in (1, 2):
                event = log("top", "x")
                event.seq = number
                batch = attach_pb2.Batch(
                    subscription=2, store=ROOT_STORE, after=number - 1, through=number, events=[event]
                )
                await child.send(attach_pb2.AttachRequest(batch=batch))
                if number == 1:
                    await child.read()
                    await asyncio.wrap_future(there.writer.run(lose))
            code, _ = await child.status()
            assert code == "UNAVAILABLE"


async def test_a_text_that_no_database_keeps_is_only_not_found(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        with pytest.raises(NotFoundError):
            find_run(there.database, "a\0b")


async def test_a_run_that_is_removed_is_asked_to_come_again(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, one_job()) == []
        await until(lambda: there.database.query("SELECT connected FROM runs") == [(0,)])
        await there.write("UPDATE runs SET deleted = 1")
        (refusal,) = await feed(there.address, one_job())
        assert isinstance(refusal, UnavailableError)
        await Retention(there.database, there.writer).scan()
        assert await feed(there.address, one_job()) == []


async def test_what_is_marked_is_removed_at_once(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, one_job()) == []
        retention = Retention(there.database, there.writer)
        running = asyncio.create_task(retention.run())
        await there.write("UPDATE runs SET deleted = 1")
        retention.wake()
        await until(lambda: there.database.query("SELECT count(*) FROM runs") == [(0,)])
        running.cancel()


async def test_a_run_that_lost_its_hub_is_not_removed_before_it_can_come_back(
    database_url: str, tmp_path: Path
) -> None:
    store = MemoryStore()
    store.append(declared("top"))
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, {ROOT_STORE: store}) == []
        await until(lambda: there.database.query("SELECT connected FROM runs") == [(0,)])
        await Retention(there.database, there.writer, keep_runs=0).scan()
        ((heard,),) = there.database.query("SELECT last_seen_unix_nanos FROM runs")
        later = Retention(there.database, there.writer, keep_runs=0, now=lambda: heard + HOUR + 1)
        await later.scan()
        assert there.database.query("SELECT count(*) FROM runs") == [(0,)]


async def test_a_run_stays_connected_when_its_next_stream_comes_before_its_last_goes(
    database_url: str, tmp_path: Path
) -> None:
    connected = "SELECT connected FROM runs"
    go_on = threading.Event()
    async with hub(database_url, tmp_path) as there:
        async with raw(there, "ada-token") as second:  # type: ignore[arg-type]
            async with raw(there, "ada-token") as first:  # type: ignore[arg-type]
                await first.send(attach_pb2.AttachRequest(hello=hello()))
                await first.read()
                await first.read()
                held = there.writer.run(lambda _: go_on.wait(30))
                await second.send(attach_pb2.AttachRequest(hello=hello()))
                await second.read()
            await until(lambda: there.ingest.attached(RUN) == 1)
            go_on.set()
            assert held.result(30)
            await second.read()
            await there.write("UPDATE runs SET pinned = 1")
            assert there.database.query(connected) == [(1,)]
        await until(lambda: there.database.query(connected) == [(0,)])


async def test_many_roots_that_wait_for_the_database_all_go_on(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gator_hub.ingest.handler.MemoryBudget", lambda: MemoryBudget(2_000))
    stores: dict[str, MemoryStore] = {}
    for number in range(20):
        store = stores[f"{number:032}"] = MemoryStore()
        store.append(declared("top"), *(log("top", "x" * 100_000) for _ in range(10)))
    async with hub(sqlite_url, tmp_path) as there:
        fed = [feed(there.address, {name: store}, said=hello(name, name)) for name, store in stores.items()]
        assert await asyncio.wait_for(asyncio.gather(*fed), 60) == [[]] * len(stores)
        assert there.database.query("SELECT count(*) FROM events") == [(20 * 11,)]
