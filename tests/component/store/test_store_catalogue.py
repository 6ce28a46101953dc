import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import Store, StoreReader
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from tests.component.store.support import Turns, declared, finished, log, make_store, result, started

TABLES = ("nodes", "attempts", "metrics")


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with StoreReader.open(path) as reader:
        return {table: sorted(reader.query(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def batches(path: Path, size: int) -> list[attach_pb2.Batch]:
    """All of a store as a consumer without a filter gets it."""
    found: list[attach_pb2.Batch] = []
    after = 0
    with StoreReader.open(path) as reader:
        while (part := reader.read(after, limit=size)).through > after:
            found.append(
                attach_pb2.Batch(store=reader.store_id, after=after, through=part.through, events=part.events)
            )
            after = part.through
    return found


class LiveRun:
    """Two daemons and a root, which hears of what they write at once."""

    def __init__(self, folder: Path, turns: Turns) -> None:
        self.turns = turns
        self.root = make_store(folder / "root.db", turns, catalogue=True)
        self.daemons = [make_store(folder / f"w{number}.db", turns) for number in (1, 2)]

    def write(self, daemon: int, *events: event_pb2.Event) -> None:
        store = self.daemons[daemon]
        after = store.last
        through = store.append(events)
        told = [event for event in events if event.WhichOneof("payload") != "log"]
        self.root.absorb(attach_pb2.Batch(store=store.store_id, after=after, through=through, events=told))

    def run(self) -> Sequence[Path]:
        root, lost = self.root, common_pb2.OUTCOME_LOST
        root.append([declared("top", job=False, time=1), declared("top/g", job=False, time=2)])
        root.append([declared("top/g/a[1]", time=3), declared("top/g/a[10]", time=3)])
        self.write(0, started("top/g/a[1]", time=5), log("top/g/a[1]", "x"))
        self.write(1, started("top/g/a[10]", time=4), finished("top/g/a[10]", outcome=lost, time=6))
        self.turns.until_written(root)
        self.write(0, started("top/g/a[10]", 2, time=7), finished("top/g/a[10]", 2, time=8))
        self.write(0, finished("top/g/a[1]", time=9))
        root.append([result("top/g/a[10]", time=10), result("top/g/a[1]", time=11)])
        root.append([result("top/g", time=12), declared("top/b", time=13)])
        self.turns.until_written(root)
        root.append([result("top/b", common_pb2.OUTCOME_PRUNED, 14), result("top", time=15)])
        for store in (*self.daemons, root):
            store.close()
        return [root.path, *(store.path for store in self.daemons)]


def test_replaying_the_stores_in_any_order_gives_the_rows_of_the_live_run(
    tmp_path: Path, turns: Turns
) -> None:
    paths = LiveRun(tmp_path, turns).run()
    live = rows_of(paths[0])
    assert [len(live[table]) for table in TABLES] == [5, 3, 5]
    for number, order in enumerate(itertools.permutations(paths)):
        again = make_store(tmp_path / f"again{number}.db", turns, catalogue=True)
        for path in order:
            for batch in batches(path, 1 + number):
                again.absorb(batch)
            # Row by row or all at once, in the file or on the way to it.
            if number % 2:
                turns.until_written(again)
        again.close()
        assert rows_of(again.path) == live


def test_a_group_runs_from_the_first_start_below_it_until_its_result(tmp_path: Path, turns: Turns) -> None:
    root = make_store(tmp_path / "root.db", turns, catalogue=True)
    daemon = make_store(tmp_path / "w1.db", turns)

    def states() -> dict[str, tuple[int, int | None]]:
        turns.until_written(root)
        with StoreReader.open(root.path) as reader:
            rows = reader.query("SELECT path, state, started_unix_nanos FROM nodes")
        return {path: (state, at) for path, state, at in rows}

    root.append([declared("top", job=False), declared("top/a"), declared("top/b")])
    waiting, running = query_pb2.NODE_STATE_WAITING, query_pb2.NODE_STATE_RUNNING
    assert states() == dict.fromkeys(("top", "top/a", "top/b"), (waiting, None))
    events = [started("top/b", time=9), started("top/a", time=8)]
    through = daemon.append(events)
    root.absorb(attach_pb2.Batch(store=daemon.store_id, through=through, events=events))
    assert states() == {"top": (running, 8), "top/a": (running, 8), "top/b": (running, 9)}
    root.append([result("top")])
    assert states()["top"] == (query_pb2.NODE_STATE_ENDED, 8)
    daemon.close()
    root.close()


def test_a_position_moves_with_what_was_absorbed_and_gaps_are_refused(tmp_path: Path, turns: Turns) -> None:
    root = make_store(tmp_path / "root.db", turns, catalogue=True)
    first, second = started("top/a", time=1), started("top/b", time=2)
    first.seq, second.seq = 3, 5
    root.absorb(attach_pb2.Batch(store="w", after=0, through=4, events=[first]))
    assert root.position("w") == 4
    with pytest.raises(StoreError, match="begins after 9 and 4 was the last"):
        root.absorb(attach_pb2.Batch(store="w", after=9, through=12))
    changed = started("top/a", time=99)
    changed.seq = 3
    root.absorb(attach_pb2.Batch(store="w", after=2, through=7, events=[changed, second]))
    assert root.position("w") == 7
    root.close()
    with StoreReader.open(root.path) as reader:
        assert reader.query("SELECT store, seq FROM positions") == [("w", 7)]
        rows = reader.query("SELECT path, store, first_seq, started_unix_nanos FROM attempts ORDER BY path")
        assert rows == [("top/a", "w", 3, 1), ("top/b", "w", 5, 2)]
        assert reader.query("SELECT count(*) FROM events") == [(0,)]


def test_appends_and_absorbed_batches_call_back_in_one_order(tmp_path: Path, turns: Turns) -> None:
    root: Store = make_store(tmp_path / "root.db", turns, catalogue=True)
    called: list[int] = []
    for number in range(20):
        root.append([declared(f"top/{number}")], lambda number=number: called.append(2 * number))
        batch = attach_pb2.Batch(store="w", after=number, through=number + 1)
        root.absorb(batch, lambda number=number: called.append(2 * number + 1))
    turns.until(lambda: len(called) == 40)
    assert called == list(range(40))
    root.close()
