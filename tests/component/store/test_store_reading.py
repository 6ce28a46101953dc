import sqlite3
from contextlib import closing
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gator.core.cursor import matches
from gator.errors import StoreError
from gator.store import RunStores, StoreReader
from gator.store import reader as reading
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.store.support import Turns, block, declared, finished, log, make_store, result, started
from tests.properties import examples

PATHS = ("top", "top/a", "top/a/x[1]", "top/a[2]", "top/ab", "top/b")
SEVERITIES = [value for value in common_pb2.Severity.values() if value]

EVENTS = st.lists(
    st.one_of(
        st.builds(log, st.sampled_from(PATHS), st.text(max_size=3), st.sampled_from(SEVERITIES)),
        st.builds(started, st.sampled_from(PATHS)),
        st.builds(finished, st.sampled_from(PATHS)),
        st.builds(result, st.sampled_from(PATHS)),
        st.builds(block, st.sampled_from(PATHS), st.binary(max_size=5), stderr=st.booleans()),
    ),
    max_size=60,
)
FILTERS = st.builds(
    attach_pb2.EventFilter,
    kinds=st.lists(st.sampled_from([value for value in attach_pb2.EventKind.values() if value]), max_size=3),
    severity=st.sampled_from(common_pb2.Severity.values()),
    prefix=st.sampled_from(("", *PATHS)),
)


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, wanted=FILTERS, limit=st.integers(1, 7), reopen=st.booleans())
def test_any_filter_in_any_pieces_gives_what_the_core_lets_pass(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[event_pb2.Event],
    wanted: attach_pb2.EventFilter,
    limit: int,
    reopen: bool,
) -> None:
    store = make_store(tmp_path_factory.mktemp("any") / "w1.db", Turns())
    store.append(events)
    store.close()
    found: list[event_pb2.Event] = []
    after = 0
    reader = StoreReader.open(store.path)
    while (part := reader.read(after, wanted, limit)).through > after:
        found += part.events
        after = part.through
        if reopen:
            reader.close()
            reader = StoreReader.open(store.path)
    reader.close()
    assert after == len(events)
    assert found == [event for event in events if matches(wanted, event)]


def test_a_slice_ends_when_it_has_enough_bytes(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    noise = b"".join(number.to_bytes(4, "big") for number in range(1 << 18))
    store.append([log("top/a", noise.hex()) for _ in range(6)])
    store.close()
    with StoreReader.open(store.path) as reader:
        part = reader.read(0)
        assert (len(part.events), part.through) == (2, 2)
        assert reader.read(5).through == 6


def test_a_call_looks_through_a_bounded_piece_only(
    tmp_path: Path, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SCAN_EVENTS", 10)
    store = make_store(tmp_path / "w1.db", turns)
    store.append([log("top/a", "x") for _ in range(25)] + [started("top/a")])
    store.close()
    wanted = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_STARTED])
    with StoreReader.open(store.path) as reader:
        assert [reader.read(after, wanted).through for after in (0, 10, 20, 26)] == [10, 20, 26, 26]


def test_a_store_is_followed_from_its_own_process_and_from_another_connection(
    tmp_path: Path, turns: Turns
) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    everything = attach_pb2.EventFilter()
    assert store.read(0, everything) == ((), 0)
    with StoreReader.open(store.path) as reader:
        for number in range(1, 4):
            store.append([log("top/a", str(number))])
            turns.until_written(store)
            assert reader.tip() == number
            assert store.read(number - 1, everything) == (reader.read(number - 1).events, number)
    store.close()


def test_text_that_is_not_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        StoreReader.open(tmp_path / "missing.db")
    (tmp_path / "text.db").write_text("this is not a database" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        StoreReader.open(tmp_path / "text.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="is not a store yet"):
        StoreReader.open(tmp_path / "empty.db")


def test_a_store_of_another_version_is_not_mistaken_for_another_file(tmp_path: Path, turns: Turns) -> None:
    file = tmp_path / "root.db"
    make_store(file, turns, catalogue=True).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE nodes DROP COLUMN signature")
    with pytest.raises(StoreError, match="was written by another version of Gator: nodes has no column sig"):
        StoreReader.open(file)


def test_the_output_of_an_attempt_comes_back_byte_by_byte(tmp_path: Path, turns: Turns) -> None:
    root = make_store(tmp_path / "stores" / "root.db", turns, catalogue=True)
    wrapper = make_store(tmp_path / "stores" / "w1.db", turns)
    root.append([declared("top/a")])
    wrapper.append(
        [
            started("top/a"),
            block("top/a", b"out 1\nou"),
            block("top/b", b"another's\n"),
            block("top/a", b"err \xff\x00\n", stderr=True),
            log("top/a", "said"),
            block("top/a", b"t 2\n" + b"x" * 50_000),
        ]
    )
    root.close()
    wrapper.close()
    with RunStores.open(tmp_path) as run:
        assert run.root.description.run.ident == "top"
        assert b"".join(run.output("top/a", 1)) == b"out 1\nouerr \xff\x00\nt 2\n" + b"x" * 50_000
        assert b"".join(run.output("top/a", 1, common_pb2.STREAM_STDERR)) == b"err \xff\x00\n"
        assert list(run.output("top/a", 2)) == []
        kinds = [attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_STARTED]
        assert [event.seq for event in run.events("top/a", 1, kinds)] == [1, 5]


def test_a_run_without_a_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="contains no record"):
        RunStores.open(tmp_path)


def test_a_copy_of_a_store_is_skipped_with_its_reason(tmp_path: Path, turns: Turns) -> None:
    make_store(tmp_path / "stores" / "root.db", turns, catalogue=True).close()
    copy = tmp_path / "stores" / "w1.db"
    copy.write_bytes((tmp_path / "stores" / "root.db").read_bytes())
    (tmp_path / "stores" / "w2.db").touch()
    with RunStores.open(tmp_path) as stores:
        assert list(stores.readers().values()) == [stores.root]
        assert stores.unreadable == {copy: f"{copy} does not belong to this run: use the original folder"}


def test_a_reader_may_be_closed_while_another_thread_reads(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "s.db", turns)
    store.append([log("top/a", str(n)) for n in range(2000)])
    store.close()

    def read_until_closed(reader: StoreReader, told: Queue[str]) -> None:
        try:
            while True:
                reader.read(0)
        except StoreError as error:
            told.put(str(error))

    for _ in range(20):
        reader, told = StoreReader.open(tmp_path / "s.db"), Queue[str]()
        threads = [Thread(target=read_until_closed, args=(reader, told)) for _ in range(3)]
        for thread in threads:
            thread.start()
        reader.close()
        for thread in threads:
            thread.join()
        assert {told.get_nowait() for _ in threads} == {
            f"{tmp_path}/s.db cannot be read: Cannot operate on a closed database."
        }
