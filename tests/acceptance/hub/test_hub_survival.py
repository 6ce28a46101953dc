"""Real runs and real hubs that are killed, that fill their disk, and that start from nothing."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gator.errors import EmptyStoreError
from gator.store import StoreReader
from tests.acceptance.support import Gator, until
from tests.component.hub.processes import Hub, Keeper

MIXED = """
!JobGroup
ident: top
jobs:
- !Job {ident: good, command: echo, args: [fine]}
- !Job {ident: bad, shell: "echo 'error: 12 of 30 went wrong' >&2; exit 3"}
- !Job {ident: after, on_pass: [bad], command: echo}
- !JobArray
  ident: many
  repeats: 40
  jobs:
  - !Job {ident: one, shell: "echo $GATOR_ARRAY_INDEX; gator metric cycles 7"}
"""
CHATTY = """
!JobArray
ident: chatty
repeats: 6
jobs:
- !Job
  ident: one
  shell: "for i in $(seq 40); do seq 200; sleep 0.02; done"
"""
FLOOD = """
!Job {ident: flood, shell: "head -c 66000000 /dev/urandom | base64 -w 70"}
"""
# Numbers that a hub gives are its own, as are the times at which it heard from a run.
TABLES = {
    "runs": "SELECT run, root_store, owner, ident, user_name, host, folder, version, spec, seed, commit_hash,"
    " branch, dirty, labels, started_unix_nanos, ended_unix_nanos, outcome, pinned FROM runs",
    "run_labels": "SELECT r.run, l.name, l.value FROM run_labels AS l JOIN runs AS r ON r.id = l.run",
    "descriptions": "SELECT r.run, d.description FROM descriptions AS d JOIN runs AS r ON r.id = d.run",
    "events": "SELECT t.store, e.place & 68719476735, s.path, s.attempt, e.kind, e.severity,"
    " e.time_unix_nanos, e.body FROM events AS e JOIN subjects AS s ON s.id = e.subject"
    " JOIN stores AS t ON t.id = e.place >> 36",
}
DERIVED = ("nodes", "attempts", "metrics")


@pytest.fixture
def keeper(gator: Gator, tmp_path: Path) -> Keeper:
    """A keeper of hubs whose token the runs of this test know."""
    keeper = Keeper(tmp_path)
    gator.env.update(XDG_DATA_HOME=keeper.environ["XDG_DATA_HOME"])
    return keeper


def record(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a hub knows of its runs, in an order that does not depend on how it came."""
    with sqlite3.connect(file) as database:
        rows = {name: database.execute(sql).fetchall() for name, sql in TABLES.items()}
        for name in DERIVED:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})") if row[1] != "run"]
            listed = ", ".join(f"n.{column}" for column in columns)
            rows[name] = database.execute(
                f"SELECT r.run, {listed} FROM {name} AS n JOIN runs AS r ON r.id = n.run"
            ).fetchall()
    database.close()
    return {name: sorted(some, key=repr) for name, some in rows.items()}


def all_events(gator: Gator) -> set[tuple[str, int]]:
    """Store and number of every event of the newest run."""
    found: set[tuple[str, int]] = set()
    for path in (gator.folder / "stores").glob("*.db"):
        # That of a daemon which was ended with the run before it had anything to write is empty.
        with suppress(EmptyStoreError), StoreReader.open(path) as reader:
            found |= {(reader.store_id, seq) for (seq,) in reader.query("SELECT seq FROM events")}
    return found


def events_of(file: Path) -> list[tuple[str, int]]:
    return [row[:2] for row in record(file)["events"]]


def test_an_empty_hub_can_be_made_anew_from_the_folders(gator: Gator, keeper: Keeper) -> None:
    spec = gator.spec(MIXED)
    with keeper.hub() as hub:
        for placement in ("daemons", "tiers"):
            gator("run", spec, "--placement", placement, "--hub", hub.address, "--label", "team=core").expect(
                1
            )
        single = gator.spec("!Job {ident: alone, command: echo}", "single.yaml")
        gator("run", single, "--hub", hub.address).expect(0)
        dying = gator.start("run", gator.spec(CHATTY, "chatty.yaml"), "--hub", hub.address)
        until(lambda: "error" not in dying.text() and gator.jobs("seq"), "a job")
        dying.kill()
        gator.wait_gone()
        # The first look at a dead run writes what is missing; the import of it brings that into the hub.
        gator("status").expect(0)
        gator("hub", "import", "tracking", "--hub", hub.address).expect(0)
        assert hub.end() == 0
    first = record(keeper.data / "hub.db")
    assert len(first["runs"]) == 4
    assert len(first["metrics"]) > 40
    (keeper.data / "hub.db").unlink()
    with keeper.hub() as hub:
        gator("hub", "import", "tracking", "--hub", hub.address).expect(0)
        assert hub.end() == 0
    again = record(keeper.data / "hub.db")
    for name, rows in first.items():
        assert again[name] == rows, name


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount a file system")
def test_a_hub_without_room_harms_no_run_and_gets_the_rest_later(
    gator: Gator, keeper: Keeper, small_disk: Path
) -> None:
    file = small_disk / "hub.db"
    with keeper.hub("--db", str(file)) as hub:
        done = gator("run", gator.spec(FLOOD), "--quiet", "--hub", hub.address, "--hub-wait", "1s").expect(0)
        assert "gator hub import" in done.out + done.err
        until(lambda: hub.logged("accepts no writes"), "the hub says that it has no room")
        subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
        gator("hub", "import", str(gator.folder), "--hub", hub.address, seconds=60).expect(0)
        assert set(events_of(file)) == all_events(gator)
        assert len(events_of(file)) == len(all_events(gator))
        assert hub.end(signal.SIGTERM) == 0


def test_several_runs_at_once_leave_each_other_alone(gator: Gator, keeper: Keeper) -> None:
    spec = gator.spec(CHATTY)
    with keeper.hub() as hub:
        runs = [gator.start("run", spec, "--hub", hub.address, "--id", f"run{number}") for number in range(4)]
        for run in runs:
            run.wait().expect(0)
        assert sorted(name for name, *_ in idents(hub)) == ["run0", "run1", "run2", "run3"]


def idents(hub: Hub) -> list[tuple[str, int]]:
    with sqlite3.connect(hub.keeper.data / "hub.db") as database:
        rows = database.execute("SELECT ident, outcome FROM runs").fetchall()
    database.close()
    return rows
