import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import Store, StoreReader, seal
from gator.v1 import attach_pb2, event_pb2
from tests.component.store.support import Turns, block, finished, log, make_store, started

KILLED = """
import sys
from pathlib import Path
from queue import SimpleQueue
from tests.component.store.support import Turns, block, log, make_store

turns = Turns()
store = make_store(Path(sys.argv[1]), turns, on_commit=lambda: print(store.committed, flush=True))
while True:
    store.append([log("top/a", "x" * 100), block("top/a", b"line\\n" * 2000)])
    turns.posted.get()()
"""


def test_sequence_numbers_have_no_gaps_and_follow_the_calls(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    sent = [log("top/a", str(number)) for number in range(700)]
    assert [store.append(sent[at : at + 7]) for at in range(0, 700, 7)] == list(range(7, 701, 7))
    store.close()
    with StoreReader.open(store.path) as reader:
        assert list(reader.read(0).events) == sent
        assert [event.seq for event in sent] == list(range(1, 701))


def test_callbacks_come_after_the_commit_and_in_order(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    called: list[int] = []

    def check(number: int, last: int) -> None:
        assert store.committed >= last
        called.append(number)

    for number in range(50):
        last = store.last + 1
        store.append([log("top/a", "x")], lambda number=number, last=last: check(number, last))
    store.append((), lambda: called.append(50))
    turns.until(lambda: len(called) == 51)
    assert called == list(range(51))
    assert store.pending_bytes == 0
    store.close()


def test_a_callback_that_raises_does_not_keep_the_others_from_being_called(
    tmp_path: Path, turns: Turns
) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    called: list[str] = []

    def fail() -> None:
        raise ValueError("mine")

    store.append([log("top/a", "x")], fail)
    store.append([log("top/a", "y")], lambda: called.append("second"))
    with pytest.raises(ValueError, match="mine"):
        turns.until(lambda: False)
    turns.until(lambda: called)
    store.close()


def test_on_commit_tells_once_the_events_can_be_read(tmp_path: Path, turns: Turns) -> None:
    seen: list[int] = []
    store = make_store(
        tmp_path / "w1.db",
        turns,
        on_commit=lambda: seen.append(store.read(0, attach_pb2.EventFilter(), 10)[1]),
    )
    store.append([log("top/a", "x"), log("top/a", "y")])
    turns.until(lambda: seen)
    assert seen == [2]
    store.close()


def test_a_closed_store_is_one_file_and_takes_nothing_more(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    store.append([log("top/a", "x")])
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["w1.db"]
    with pytest.raises(StoreError, match="is closed"):
        store.append([log("top/a", "y")])


def test_a_store_is_never_made_over_another(tmp_path: Path, turns: Turns) -> None:
    make_store(tmp_path / "w1.db", turns).close()
    with pytest.raises(StoreError, match="written by one process only"):
        make_store(tmp_path / "w1.db", turns)


def test_a_store_in_a_missing_folder_says_so(tmp_path: Path, turns: Turns) -> None:
    with pytest.raises(StoreError, match=r"no such file"):
        Store.create(
            tmp_path / "missing" / "w1.db",
            store_id="a",
            run="r",
            daemon="w1",
            host="h",
            catalogue=False,
            post=turns.post,
        )


def test_an_event_without_a_payload_is_refused(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    with pytest.raises(StoreError, match="without a known payload"):
        store.append([event_pb2.Event(path="top")])
    store.close()


def test_an_event_after_the_end_of_its_attempt_finds_its_subject(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    store.append([started("top/a"), finished("top/a")])
    turns.until_written(store)
    store.append([log("top/b", "new"), log("top/a", "late"), started("top/b")])
    store.close()
    with StoreReader.open(store.path) as reader:
        kinds = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_LOG])
        assert [event.log.text for event in reader.read(0, kinds, path="top/a", attempt=1).events] == ["late"]
        assert [event.log.text for event in reader.read(0, kinds, path="top/b", attempt=1).events] == ["new"]
        assert reader.query("SELECT count(*) FROM subjects") == [(2,)]


def test_blocks_come_back_as_they_were_and_take_less_room(tmp_path: Path, turns: Turns) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    data = b"a line that repeats itself\n" * 20_000
    sent = block("top/a", data)
    store.append([sent])
    assert sent.block.data == data
    store.close()
    with StoreReader.open(store.path) as reader:
        (event,) = reader.read(0).events
        assert event.block.encoding == event_pb2.Block.ENCODING_ZSTD
        assert len(event.block.data) < len(data) / 100


def test_a_store_that_cannot_be_written_any_more_says_so_once_and_refuses(
    tmp_path: Path, turns: Turns
) -> None:
    failures: list[StoreError] = []
    store = make_store(tmp_path / "w1.db", turns, on_failed=failures.append)
    with sqlite3.connect(store.path) as other:
        other.execute("DROP TABLE events")
    other.close()
    store.append([log("top/a", "x")], lambda: pytest.fail("nothing was committed"))
    turns.until(lambda: failures)
    assert "cannot be written any more" in str(failures[0])
    with pytest.raises(StoreError, match="cannot be written any more"):
        store.append([log("top/a", "y")])
    with pytest.raises(StoreError, match="cannot be written any more"):
        store.close()


def test_readers_in_other_threads_see_whole_prefixes_while_the_writer_writes(
    tmp_path: Path, turns: Turns
) -> None:
    store = make_store(tmp_path / "w1.db", turns)
    wrong: list[str] = []
    ended = threading.Event()

    def follow() -> None:
        after = 0
        with StoreReader.open(store.path) as reader:
            while after < 3000 and not wrong:
                # Events that were written since then may be missing here.
                is_over = ended.is_set()
                part = reader.read(after, limit=100)
                if [event.seq for event in part.events] != list(range(after + 1, part.through + 1)):
                    wrong.append(f"after {after}: {part}")
                after = part.through
                if is_over and part.through < 3000 and not part.events:
                    wrong.append(f"ended at {after}")

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        store.append([log("top/a", "x" * 50) for _ in range(10)])
    turns.until_written(store)
    ended.set()
    for thread in threads:
        thread.join()
    assert not wrong
    store.close()


def test_every_committed_event_is_there_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "w1.db"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    told += [
        int(line) for line in process.stdout.read().splitlines() if line.endswith(("0", "2", "4", "6", "8"))
    ]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    with StoreReader.open(path) as reader:
        assert reader.tip() >= max(told)
        after, seen = 0, 0
        while (part := reader.read(after)).through > after:
            seen += len(part.events)
            after = part.through
        assert seen == reader.tip()
    assert seal(path)
    assert not path.with_name("w1.db-wal").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("left", ["nothing", "an empty log", "the mode"])
def test_another_user_without_write_permission_reads_a_finished_store(left: str) -> None:
    """A store with a reader at its end keeps its mode, and the files beside it unless they are removed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        turns = Turns()
        store = make_store(folder / "w1.db", turns)
        store.append([log("top/a", "hello")])
        turns.until_written(store)
        reader = StoreReader.open(store.path)
        if left == "nothing":
            reader.close()
        store.close()
        reader.close()
        for beside in folder.glob("w1.db-*"):
            assert left != "nothing"
            if left == "the mode":
                beside.unlink()
        store.path.chmod(0o644)
        read = "; ".join(
            (
                "import os, sys",
                "from pathlib import Path",
                "from gator.store import StoreReader",
                "os.setgroups([]); os.setgid(65534); os.setuid(65534)",
                "print(StoreReader.open(Path(sys.argv[1])).read(0).events[0].log.text)",
            )
        )
        done = subprocess.run(
            [sys.executable, "-c", read, str(store.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("hello\n", "")
