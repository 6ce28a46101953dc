"""Files that are not a record, or a broken one: each is refused in one line, and left as it was."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from gator.errors import UsageError
from gator.store import schema as run_store
from gator_hub.database import check
from gator_hub.database.database import DamagedError, Database
from gator_hub.ingest.writer import Writer
from tests.component.hub.postgres import PostgresServer
from tests.component.hub.processes import SECONDS, Keeper

WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
BLOCK = 4096


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def of_something_else(file: Path) -> None:
    change(file, "CREATE TABLE photos (name TEXT)")


def of_something_else_with_versions(file: Path) -> None:
    change(file, "CREATE TABLE schema_version (version TEXT, at INTEGER)", "CREATE TABLE photos (name TEXT)")


def of_a_run(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        run_store.create_tables(connection)


def record(file: Path) -> None:
    Database.open(f"sqlite:{file}").close()


def of_a_newer_hub(file: Path) -> None:
    record(file)
    change(file, "UPDATE schema_version SET version = 99")


def without_a_version(file: Path) -> None:
    record(file)
    change(file, "DELETE FROM schema_version")


def without_a_table(file: Path) -> None:
    record(file)
    change(file, "DROP TABLE outputs")


def without_a_column(file: Path) -> None:
    record(file)
    change(file, "ALTER TABLE nodes DROP COLUMN message")


def garbage(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" + b"\xa5" * 8 * BLOCK)


ODD = [
    (of_something_else, "is a database of another program: choose another --db"),
    (of_something_else_with_versions, "is a database of another program: choose another --db"),
    (of_a_run, "is a database of another program: choose another --db"),
    (of_a_newer_hub, "has version 99 of the schema, and this hub supports 2: use a newer one"),
    (without_a_version, "is incomplete: the version in table schema_version is missing"),
    (without_a_table, "is incomplete: table outputs is missing: restore it from a backup"),
    (
        without_a_column,
        "lacks column nodes.message: it was made by another version of Gator: choose another --db",
    ),
    (garbage, "is damaged"),
]


@pytest.mark.parametrize(("make", "said"), ODD)
def test_a_file_that_is_not_a_record_is_not_served_and_is_not_changed(
    keeper: Keeper, make: Callable[[Path], None], said: str
) -> None:
    file = keeper.folder / "x.db"
    make(file)
    before = file.read_bytes()
    done = keeper.call("serve", "--port", "0", "--db", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"gator hub: {file} {said}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert file.read_bytes() == before
    assert [path.name for path in keeper.folder.glob("x.db*")] == ["x.db"]
    done = keeper.call("check", "--port", "1", "--db", str(file))
    assert done.returncode == 1
    assert f"{file} {said}" in done.stdout
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("make", [of_something_else, of_something_else_with_versions, of_a_run])
def test_text_that_is_not_a_record_is_not_copied(keeper: Keeper, make: Callable[[Path], None]) -> None:
    make(keeper.folder / "x.db")
    done = keeper.call("backup", "copy.db", "--db", "x.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "x.db is a database of another program: choose another --db\n" in done.stderr
    assert [path.name for path in keeper.folder.iterdir()] == ["x.db"]


def test_a_server_s_database_of_something_else_is_refused(keeper: Keeper, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    with pytest.raises(UsageError, match="is a database of another program: choose another --db"):
        Database.open(postgres_url)
    found = check.look_at_database(postgres_url)
    assert (found.good, found.text.partition(" is ")[2]) == (
        False,
        "a database of another program: choose another --db",
    )


def test_a_record_that_another_left_open_is_served(keeper: Keeper) -> None:
    """All of it may still be in the log beside the file."""
    file = keeper.folder / "x.db"
    record(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("SELECT count(*) FROM runs").fetchall()
        with keeper.hub("--db", str(file)) as hub:
            assert hub.end() == 0


def damage(file: Path) -> None:
    """Break the pages in which the bodies of events are."""
    data = bytearray(file.read_bytes())
    data[-40 * BLOCK :] = b"\xff" * 40 * BLOCK
    file.write_bytes(data)


def test_a_question_that_meets_damage_is_told_as_such(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "x.db"
    record(file)
    body = "x" * 3000
    change(file, *[f"INSERT INTO events VALUES ({at}, 1, 1, 0, 0, '{body}')" for at in range(100)])
    change(file, "PRAGMA wal_checkpoint(truncate)")
    damage(file)
    sql = "SELECT body FROM events"
    database = Database.open(f"sqlite:{file}")
    writer = Writer(database, lambda call: call())
    try:
        for ask in (
            lambda: database.query(sql),
            lambda: writer.run(lambda database: database.execute(sql).fetchall()).result(),
        ):
            caplog.clear()
            with pytest.raises(DamagedError, match="the hub's database is damaged"):
                ask()
            assert "is damaged: restore a backup, see gator hub check" in "\n".join(caplog.messages)
    finally:
        writer.close()
        database.close()
    found = check.look_at_database(f"sqlite:{file}")
    assert not found.good
    assert f"{file} is damaged" in found.text
    assert "\n" not in found.text


def test_check_says_that_a_folder_is_one(keeper: Keeper) -> None:
    (keeper.folder / "sub").mkdir()
    done = keeper.call("check", "--port", "1", "--db", "sub")
    assert done.returncode == 1
    assert "sub is a folder: name a file in it\n" in done.stdout


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv: apt install util-linux"
)
def test_check_says_why_a_file_cannot_be_read(keeper: Keeper) -> None:
    file = keeper.folder / "x.db"
    record(file)
    file.chmod(0)
    prefix = WITHOUT_RIGHTS if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "gator_hub", "check", "--port", "1", "--db", str(file)],
        env=keeper.environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert f"cannot read {file}: permission denied: choose another --db\n" in done.stdout


def test_check_says_that_a_server_is_away_or_its_driver_missing(
    keeper: Keeper, postgres_server: PostgresServer, postgres_url: str
) -> None:
    away = "postgresql://stranger@127.0.0.1:1/x"
    done = keeper.call("check", "--port", "1", "--db", away)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"cannot reach {away}: " in done.stdout
    (keeper.folder / "without").mkdir()
    (keeper.folder / "without" / "psycopg.py").write_text("raise ImportError")
    path = f"{keeper.folder / 'without'}{os.pathsep}{keeper.environ['PYTHONPATH']}"
    done = keeper.call("check", "--port", "1", "--db", away, PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "PostgreSQL needs its driver: pip install" in done.stdout
    asked = postgres_server.with_password(postgres_url, "checked", "hidden")
    done = keeper.call("check", "--port", "1", "--db", asked)
    assert (done.returncode, done.stderr) == (1, "")
    assert "asks for a password" in done.stdout


def test_a_copy_that_cannot_be_made_is_named_as_it_was_asked_for(keeper: Keeper) -> None:
    record(keeper.folder / "x.db")
    done = keeper.call("backup", "/proc/b.db", "--db", "x.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot write /proc/b.db: no such file or directory: choose another name\n" in done.stderr


def test_a_record_that_is_removed_is_told_without_a_traceback(keeper: Keeper) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from gator.cli.main import main; main(['hub', 'serve', '--port', '0'])"],
        env={**keeper.environ, "TMPDIR": str(keeper.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as hub:
        try:
            assert hub.stdout is not None
            assert any("Ctrl-C" in line for line in iter(hub.stdout.readline, ""))
            (keeper.data / "hub.db").unlink()
            _, said = hub.communicate(timeout=SECONDS)
        finally:
            hub.kill()
    assert hub.returncode == 3
    assert "hub.db was removed, replaced, or taken over by another hub" in said
    assert "details in" not in said
    assert not list(keeper.folder.glob("gator-*.log"))
