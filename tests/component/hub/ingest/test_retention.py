"""What a hub lets go, on both databases."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gator.v1 import common_pb2, event_pb2
from gator_hub.database.check import look_at_database
from gator_hub.retention.retention import Retention
from tests.component.hub.ingest.ingesting import (
    Hub,
    declared,
    feed,
    finished,
    hello,
    hub,
    kept,
    of,
    result,
    small_run,
    started,
)
from tests.component.link.fakes import MemoryStore, until

DAY = 86_400_000_000_000
LINES = 100


async def bring(there: Hub, name: str, ident: str = "top", day: int = 0) -> dict[str, MemoryStore]:
    """A small run with stores of its own, that was started on a day."""
    stores = {
        f"{name}-{part}": store for part, store in zip(("root", "daemon"), small_run(5).values(), strict=True)
    }
    said = hello(name, f"{name}-root")
    said.description.run.ident = ident
    said.description.run.started_unix_nanos = 1_000 * DAY + day * DAY
    for store in stores.values():
        for event in store.events:
            event.path = event.path.replace("top", ident, 1)
    assert await feed(there.address, stores, said=said) == []
    return stores


def runs(there: Hub) -> list[str]:
    return [row[0] for row in there.database.query("SELECT run FROM runs ORDER BY run")]


async def gone(there: Hub) -> None:
    """Wait until no run counts as connected any more."""
    while there.database.query("SELECT count(*) FROM runs WHERE connected = 1") != [(0,)]:
        await asyncio.sleep(0.01)


async def test_of_each_ident_only_the_newest_stay_and_what_is_pinned(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gator.hub")
    async with hub(database_url, tmp_path) as there:
        stores: dict[str, dict[str, MemoryStore]] = {}
        for day in range(5):
            stores[f"a{day}"] = await bring(there, f"a{day}", day=day)
        await bring(there, "b0", "other")
        await gone(there)
        await asyncio.wrap_future(
            there.writer.run(
                lambda database: database.execute("UPDATE runs SET pinned = 1 WHERE run = 'a1'") and None
            )
        )
        retention = Retention(there.database, there.writer, keep_runs=2)
        await retention.scan()
        await retention.scan()
        assert [said for said in caplog.messages if "removed" in said] == ["removed 2 runs (--keep-runs 2)"]
        assert runs(there) == ["a1", "a3", "a4", "b0"]
        for name in ("a1", "a4"):
            assert sorted(there.events(name)) == sorted(kept(stores[name]))
        tables = ("events", "subjects", "nodes", "attempts", "stores")
        counts = {table: there.database.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
        assert counts == {
            "events": 4 * 27,
            "subjects": 4 * 11,
            "nodes": 4 * 6,
            "attempts": 4 * 5,
            "stores": 8,
        }


async def test_old_runs_go_and_may_come_again(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        await bring(there, "01d", day=0)
        await bring(there, "0e3", day=9)
        await gone(there)
        await asyncio.wrap_future(
            there.writer.run(
                lambda database: database.execute("UPDATE runs SET last_seen_unix_nanos = 1") and None
            )
        )
        await Retention(there.database, there.writer, keep_days=5, now=lambda: 1_010 * DAY).scan()
        assert runs(there) == ["0e3"]
        stores = await bring(there, "01d", day=0)
        assert sorted(there.events("01d")) == sorted(kept(stores))


async def test_a_run_that_is_fed_stays(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        await bring(there, "fed")
        await asyncio.wrap_future(
            there.writer.run(
                lambda database: (
                    database.execute("UPDATE runs SET connected = 1, last_seen_unix_nanos = 1") and None
                )
            )
        )
        await Retention(there.database, there.writer, keep_days=0, keep_runs=0).scan()
        assert runs(there) == ["fed"]


def block(number: int, stream: common_pb2.Stream.ValueType = common_pb2.STREAM_STDOUT) -> event_pb2.Event:
    event = of("top", 1)
    data = b"".join(b"%09d\n" % line for line in range(number * LINES + 1, (number + 1) * LINES + 1))
    event.block.CopyFrom(
        event_pb2.Block(
            stream=stream,
            first_line=number * LINES + 1,
            lines=LINES,
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
        )
    )
    return event


def texts(there: Hub) -> list[bytes]:
    rows = there.database.query("SELECT body FROM events WHERE kind = 4 ORDER BY place")
    return [event_pb2.Block.FromString(bytes(body)).data for (body,) in rows]


async def test_a_long_log_loses_its_middle_and_says_so(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        store = MemoryStore()
        store.append(declared("top"), started("top"), *(block(number) for number in range(300)))
        retention = Retention(there.database, there.writer, log_cap_bytes=10_000)
        await feed(there.address, {"s": store}, said=hello("f1", "s"))
        await retention.scan()
        assert len(texts(there)) == 300, "the attempt has not ended"
        store.append(finished("top"), result("top"))
        await feed(there.address, {"s": store}, said=hello("f1", "s"))
        await retention.scan()
        left = texts(there)
        assert [text[:9] for text in left] == [
            *(b"%09d" % (number * LINES + 1) for number in range(5)),
            b"[gator hu",
            *(b"%09d" % (number * LINES + 1) for number in range(295, 300)),
        ]
        assert left[5] == (
            b"[gator hub: lines 501 to 29500 (290000 bytes) are left out, because more than 10000 bytes were"
            b" written; the run's own folder has them]\n"
        )
        await retention.scan()
        await feed(there.address, {"s": store}, said=hello("f1", "s"))
        assert texts(there) == left, "neither another scan nor another import changes anything"


async def test_each_stream_says_what_it_lost(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        store = MemoryStore()
        streams = (common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR)
        blocks = [block(number // 2, streams[number % 2]) for number in range(20)]
        store.append(declared("top"), started("top"), *blocks, finished("top"), result("top"))
        await feed(there.address, {"s": store}, said=hello("f1", "s"))
        await Retention(there.database, there.writer, log_cap_bytes=8_000).scan()
        marks = [text for text in texts(there) if text.startswith(b"[gator hub")]
        assert len(marks) == 2
        assert all(b"lines 201 to 800 (6000 bytes)" in mark for mark in marks)


async def test_a_record_that_keeps_its_size_halts_nothing_and_says_so_once(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:"))
    with closing(sqlite3.connect(file)) as made:
        # Such as one that was restored from a dump: the mode is fixed once the file has a page.
        made.execute("CREATE TABLE first AS SELECT zeroblob(1000000)")
        made.execute("DROP TABLE first")
    async with hub(sqlite_url, tmp_path) as there:
        for name in ("a1", "a2", "a3"):
            await bring(there, name)
        await gone(there)
        async with asyncio.timeout(20):
            await Retention(there.database, there.writer, keep_runs=1).scan()
        assert len(runs(there)) == 1
    assert len([said for said in caplog.messages if "never gets smaller" in said]) == 1
    found = look_at_database(sqlite_url)
    assert found.good
    assert "never gets smaller" in found.text
    with closing(sqlite3.connect(file, isolation_level=None)) as mended:
        mended.execute("PRAGMA auto_vacuum = incremental")
        mended.execute("VACUUM")
    assert "smaller" not in look_at_database(sqlite_url).text


async def test_a_run_that_cannot_be_removed_is_named_once_and_keeps_no_other(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub(sqlite_url, tmp_path) as there:
        for day, name in enumerate(("a1", "a2", "a3")):
            await bring(there, name, day=day)
        await gone(there)
        await asyncio.wrap_future(
            there.writer.run(
                lambda database: (
                    database.execute(
                        "CREATE TRIGGER stays BEFORE DELETE ON runs WHEN old.run = 'a1'"
                        " BEGIN SELECT RAISE(ABORT, 'stays'); END"
                    )
                    and None
                )
            )
        )
        retention = Retention(there.database, there.writer, keep_runs=1)
        await retention.scan()
        await retention.scan()
        assert runs(there) == ["a1", "a3"]
    said = [line for line in caplog.messages if "could not be removed" in line]
    assert said == [
        "run top (a1) could not be removed: the database of the hub rejected the events: see the hub's log"
    ]


async def test_a_fault_in_one_look_does_not_end_all(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Retention):
        scans = 0

        async def scan(self) -> None:
            self.scans += 1
            if self.scans == 1:
                self.wake()
                raise ZeroDivisionError("odd")

    async with hub(sqlite_url, tmp_path) as there:
        retention = Faulty(there.database, there.writer)
        running = asyncio.create_task(retention.run())
        await until(lambda: retention.scans > 1 or running.done())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert "nothing could be removed: a fault of the hub" in caplog.messages
