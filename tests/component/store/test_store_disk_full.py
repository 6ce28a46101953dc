import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.errors import DiskFullError
from gator.store import StoreReader
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.store.support import Turns, block, declared, log, make_store, result

SIZE_BYTES = 24 * 1024 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs mount, which says: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_results_still_fit_and_output_is_dropped_and_counted(
    small: Path, turns: Turns
) -> None:
    path = small / "root.db"
    told: list[int] = []
    store = make_store(path, turns, catalogue=True, on_disk_full=lambda: told.append(store.dropped))
    store.append([declared("top")])
    sent = 0
    while not told:
        store.append([block("top", os.urandom(400_000), sent + 1) for _ in range(3)])
        sent += 3
        turns.until_written(store)
    assert len(told) == 1
    assert told[0] > 0
    last = store.last
    dropped = store.dropped
    refused = block("top", b"more\n")
    assert store.append([refused, log("top", "plain")]) == last
    assert refused.seq == 0
    assert store.dropped == dropped + 2
    kept = [result(f"top/{number}") for number in range(500)]
    for event in kept:
        store.append([event])
        turns.until_written(store)
    store.append([log("top", "bad", common_pb2.SEVERITY_ERROR), result("top", common_pb2.OUTCOME_FAILED)])
    store.close()
    with StoreReader.open(path) as reader:
        assert reader.tip() == 1 + sent + 502
        after, events = 0, list[event_pb2.Event]()
        while (part := reader.read(after)).through > after:
            events += part.events
            after = part.through
        assert [event.seq for event in events] == list(range(1, after + 1))
        empty = [event for event in events if event.WhichOneof("payload") == "block" and not event.block.data]
        assert len(empty) == dropped
        assert all(event.block.first_line for event in empty)
        wanted = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_RESULT])
        assert len(reader.read(1 + sent, wanted).events) == 501
        assert reader.query("SELECT count(*) FROM nodes WHERE state = 3") == [(501,)]


def test_no_room_for_a_store_at_all_says_what_to_do(small: Path, turns: Turns) -> None:
    (small / "fill").write_bytes(bytes(SIZE_BYTES - 4 * 1024 * 1024))
    with pytest.raises(DiskFullError, match="free some space or files, or name another folder"):
        make_store(small / "root.db", turns)
    assert [path.name for path in small.iterdir()] == ["fill"]
