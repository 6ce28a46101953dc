"""Folders made to do harm are named and skipped: no command hangs or takes much memory because of one."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import StoreReader, untrusted
from gator.v1 import common_pb2, event_pb2
from tests.component.hub.processes import Keeper
from tests.component.query import runs

SECONDS = 60
MEMORY = 400 * 1024 * 1024
"""What a command may take; the largest value of these folders alone is larger."""
HUGE = 300_000_000
ONE_BLOCK = "UPDATE events SET body = {} WHERE seq = (SELECT min(seq) FROM events WHERE kind = 4)"


@pytest.fixture(autouse=True)
def _removed(tracking: Path) -> Iterator[None]:
    """Removes the folders of each test, because some have hundreds of megabytes."""
    yield
    shutil.rmtree(tracking)


def change(name: str, *statements: str, values: tuple[object, ...] = ()) -> Callable[[Path], None]:
    """What changes the store of a run."""

    def make(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "stores" / name, isolation_level=None)) as store:
            for sql in statements:
                store.execute(sql, values if "?" in sql else ())

    return make


def endless(table: str, *columns: str) -> tuple[str, str]:
    """Statements that put a view that never ends in the place of a table."""
    rest = ", ".join(f"n AS {column}" for column in columns)
    return (
        f"ALTER TABLE {table} RENAME TO kept",
        f"CREATE VIEW {table} AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
        f" SELECT {rest} FROM c",
    )


def fifo(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        path = folder / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return make


def link(name: str, target: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        path = folder / name
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return make


def large(name: str) -> Callable[[Path], None]:
    """A file of many bytes that are nowhere."""

    def make(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(1 << 32)

    return make


def _huge_log(folder: Path) -> None:
    body = event_pb2.LogEvent(severity=common_pb2.SEVERITY_INFO, text="x" * HUGE).SerializeToString()
    change(
        "w1.db",
        "UPDATE events SET body = ? WHERE seq = (SELECT min(seq) FROM events WHERE kind = 3)",
        values=(body,),
    )(folder)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "root FIFO": fifo("stores/root.db"),
    "store FIFO": fifo("stores/w1.db"),
    "further FIFO": fifo("stores/x.db"),
    "log FIFO": fifo("stores/root.db-wal"),
    "journal FIFO": fifo("stores/root.db-journal"),
    "control FIFO": fifo("control"),
    "git FIFO": fifo("git.json"),
    "key FIFO": fifo("run.key"),
    "fault log FIFO": fifo("gator.log"),
    "control device": link("control", "/dev/zero"),
    "git device": link("git.json", "/dev/zero"),
    "store device": link("stores/x.db", "/dev/zero"),
    "large control": large("control"),
    "large git": large("git.json"),
    "endless nodes": change("root.db", *endless("nodes", "path", "parent", "state")),
    "endless store": change("root.db", *endless("store", "id", "run")),
    "endless events": change("w1.db", *endless("events", "seq", "subject", "kind", "body")),
    "endless attempts": change("root.db", *endless("attempts", "path", "number")),
    "computed column": change(
        "root.db",
        "ALTER TABLE nodes RENAME COLUMN message TO kept",
        "ALTER TABLE nodes ADD COLUMN message TEXT AS (hex(zeroblob(30000000)))",
    ),
    "huge block": change("w1.db", ONE_BLOCK.format("zeroblob(450000000)")),
    "huge message": _huge_log,
    "huge text as block": change("w1.db", ONE_BLOCK.format("hex(zeroblob(40000000))")),
    "huge node": change(
        "root.db", "UPDATE nodes SET message = hex(zeroblob(150000000)) WHERE path = 'top/good'"
    ),
    "huge description": change("root.db", "UPDATE store SET description = zeroblob(150000000)"),
    "huge numbers": change("root.db", "UPDATE nodes SET attempts = 9223372036854775807, state = 1 << 40"),
    "no outcome": change("root.db", "UPDATE nodes SET outcome = 'abc'"),
    "negative numbers": change(
        "root.db", "UPDATE nodes SET started_unix_nanos = -5, attempts = -1, error = -7"
    ),
    "text as numbers": change(
        "root.db", "UPDATE nodes SET started_unix_nanos = 'soon', seed = 'x', debug = ''"
    ),
    "bytes as text": change("root.db", "UPDATE nodes SET message = x'ff00', tags = x'00', licenses = '{'"),
    "no id": change("root.db", "DELETE FROM store"),
    "odd description": change("root.db", "UPDATE store SET description = 'abc'"),
    "broken description": change("root.db", "UPDATE store SET description = x'ffffff'"),
    "bytes as id": change("root.db", "UPDATE store SET id = x'00ff', run = x'00ff'"),
    "odd attempts": change("root.db", "UPDATE attempts SET outcome = 'abc', host = 7, exit_code = 1 << 50"),
    "odd results": change("root.db", "UPDATE nodes SET tally = x'ffffff', first_error = 'abc'"),
    "odd subjects": change("w1.db", "UPDATE subjects SET path = x'00', attempt = 'first ' || id"),
    "odd times": change("w1.db", "UPDATE events SET time_unix_nanos = 'noon', severity = 'bad'"),
    "odd kinds": change("w1.db", "UPDATE events SET kind = 'abc'"),
    "broken bodies": change("w1.db", "UPDATE events SET body = x'ffffffffff'"),
}


CALLER = """
import json, sys
from typer.testing import CliRunner
from gator.cli.main import app
from gator.errors import GatorError, UserError
told = []
for args in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, args)
    error = done.exception
    clear = error is None or isinstance(error, (GatorError, UserError, SystemExit))
    told.append([clear, done.exit_code, done.stdout, done.stderr + repr(error)])
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps([int(peak.split()[1]) * 1024, told]))
"""


def call(tracking: Path, *commands: Sequence[str], **environment: str) -> list[tuple[int, str, str]]:
    """Exit code and what was said by commands, which have to end soon and to take little memory.

    They share a process, so that a hundred hostile folders are tried in little time.
    """
    done = subprocess.run(
        [sys.executable, "-c", CALLER, json.dumps(commands)],
        env={**os.environ, "GATOR_TRACKING": str(tracking), "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    peak, told = json.loads(done.stdout)
    assert peak < MEMORY, f"{peak // (1 << 20)} MiB"
    for clear, _, _, err in told:
        assert clear, err
    return [(code, out, err) for _, code, out, err in told]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_folder_stops_no_command(tracking: Path, what: str) -> None:
    runs.ended_run(tracking, stamp="20261121-000000")
    folder = runs.ended_run(tracking, stamp="20261122-125830")
    HOSTILE[what](folder)
    commands = [("runs", "--json"), ("status",), ("logs", "top/good"), ("logs", "top/bad"), ("tree",)]
    (code, out, err), *others = call(tracking, *commands)
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [Path(row["folder"]).name for row in rows] == [folder.name, "20261121-000000-top"]
    assert rows[1]["result"]["outcome"] == "failed"
    # What can be told of it is told, anything else is named.
    for code, _, err in others:
        assert code == 0 or folder.name in err or "top" in err, err


@pytest.mark.parametrize("what", ["huge block", "huge message"])
def test_what_is_too_large_is_named_and_all_else_is_shown(tracking: Path, what: str) -> None:
    HOSTILE[what](runs.ended_run(tracking))
    ((code, out, err),) = call(tracking, ("logs", "top/good", "-l"))
    assert code == 0, err
    assert "is left out" in out
    assert ("hello" in out) == (what == "huge message")


def test_a_store_that_cannot_be_read_is_named_and_the_others_are_shown(tracking: Path) -> None:
    fifo("stores/x.db")(runs.ended_run(tracking))
    ((code, out, err),) = call(tracking, ("logs", "top/good"))
    assert code == 0
    assert out.startswith("hello\nworld\n")
    assert "x.db is not a regular file" in err


def test_hostile_folders_are_named_by_an_import_and_all_others_are_brought_in(
    tmp_path: Path, tracking: Path
) -> None:
    named = ("store FIFO", "endless nodes", "huge description", "odd description")
    brought = ("no outcome", "huge block", "huge message", "git FIFO")
    folders: dict[str, str] = {}
    for number, what in enumerate(named + brought):
        folder = runs.ended_run(tracking, stamp=f"20261122-12583{number}", run=f"{number:032x}")
        folders[what] = f"{folder.name}: "
        HOSTILE[what](folder)
    runs.ended_run(tracking, stamp="20261123-000000")
    keeper = Keeper(tmp_path)
    with keeper.hub() as hub:
        ((code, out, err),) = call(
            tracking, ("hub", "import", str(tracking), "--hub", hub.address), **keeper.environ
        )
        assert code == 1
        assert "20261123-000000-top: 20 events" in out
        assert [folders[what] in err for what in named] == [True] * len(named)
        assert [folders[what] in out for what in brought] == [True] * len(brought)
        assert hub.end() == 0


def test_a_question_that_takes_too_long_is_given_up(tracking: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runs.ended_run(tracking)
    monkeypatch.setattr(untrusted, "MAX_STATEMENT_SECONDS", 0.05)
    endless_query = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"
    with StoreReader.open(folder / "stores" / "root.db") as reader:
        with pytest.raises(StoreError, match="took too long"):
            reader.query(endless_query)
        assert reader.tip() > 0
