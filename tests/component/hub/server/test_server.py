"""The hub as a process: start, refused starts, end, and the reports about its database."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gator.errors import UnavailableError
from gator.link.uplink import Uplink
from gator_hub.database.database import Database
from gator_hub.database.schema import VERSION
from gator_hub.server import process
from gator_hub.server.options import CannotListenError, ServeOptions
from tests.component.hub.ingest.ingesting import DAEMON_STORE, ROOT_STORE, feed, hello, small_run
from tests.component.hub.processes import Hub, Keeper, grpcurl, wait_for
from tests.component.link.fakes import Child, until

needs_grpcurl = pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


def test_a_hub_starts_without_options_and_says_how_to_use_it(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        first, *rest = hub.greeting
        assert first.endswith(f"at http://127.0.0.1:{hub.port}\n")
        assert f"  send a run    gator run SPEC --hub localhost:{hub.port}\n" in rest
        assert f"  record        {keeper.data / 'hub.db'} (new)\n" in rest
        assert keeper.data.stat().st_mode & 0o777 == 0o700
        for name in ("token", "hub.db"):
            assert (keeper.data / name).stat().st_mode & 0o777 == 0o600
        assert keeper.token not in "".join([*hub.greeting, *hub.log])


@needs_grpcurl
def test_health_and_reflection_need_no_token(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        services = grpcurl(hub.address, "list")
        for name in ("ControlService", "HubService", "ParentService", "QueryService"):
            assert f"gator.v1.{name}" in services
        service = '{"service": "gator.v1.HubService"}'
        assert grpcurl(hub.address, "grpc.health.v1.Health/Check", data=service) == {"status": "SERVING"}
        assert grpcurl(hub.address, "describe", "gator.v1.ListRunsRequest")


def test_a_second_hub_of_one_file_is_refused_under_any_name(keeper: Keeper) -> None:
    link = keeper.folder / "link.db"
    link.symlink_to(keeper.data / "hub.db")
    with keeper.hub() as hub:
        for more in ((), ("--db", str(link))):
            done = keeper.call("--port", "0", *more)
            assert done.returncode == 2
            assert f"is served by another hub (process {hub.process.pid} on " in done.stderr


def test_a_second_hub_of_one_database_is_refused(keeper: Keeper, postgres_url: str) -> None:
    with keeper.hub("--db", postgres_url):
        done = keeper.call("--port", "0", "--db", postgres_url)
        assert done.returncode == 2
        assert "is served by another hub" in done.stderr
    with keeper.hub("--db", postgres_url):
        pass


def test_a_second_hub_on_one_port_is_refused(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        done = keeper.call("serve", "--port", str(hub.port), "--db", "other.db")
        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1:{hub.port}: another program uses that port" in done.stderr
        assert not list(keeper.folder.glob("other.db*"))


def test_a_hub_that_cannot_listen_leaves_nothing_behind(keeper: Keeper, postgres_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for where in ((), ("--db", "other.db"), ("--db", postgres_url)):
            done = keeper.call("serve", "--port", port, *where)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"cannot listen on 127.0.0.1:{port}: another program uses that port" in done.stderr
            if where[1:] != (postgres_url,):
                assert not list(keeper.folder.rglob("*"))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT to_regclass('runs')").fetchone() == (None,)
    done = keeper.call("serve", "--host", "nowhere.invalid", "--insecure")
    assert "cannot listen on nowhere.invalid:8080: there is no host nowhere.invalid: use" in done.stderr
    done = keeper.call("serve", "--host", "192.0.2.1", "--port", "0", "--insecure")
    assert "cannot listen on 192.0.2.1:0: this host has no such address: use another --host" in done.stderr


@pytest.fixture
def settings() -> Iterator[None]:
    """What a hub sets for its whole process is set back."""
    mask, seconds = os.umask(0o077), sys.getswitchinterval()
    yield
    os.umask(mask)
    sys.setswitchinterval(seconds)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("is_there", [False, True])
def test_a_start_that_is_refused_late_takes_away_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    data, file = tmp_path / "data", tmp_path / "hub.db"
    if is_there:
        Database.open(f"sqlite:{file}").close()
    # Another process takes the port between the check and its use.
    monkeypatch.setattr(process, "check_port", id)
    before = sorted(path for path in tmp_path.rglob("*"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ServeOptions(f"sqlite:{file}", port=taken.getsockname()[1])
        with pytest.raises(CannotListenError):
            process.serve(options, {"XDG_DATA_HOME": str(data)})
    assert sorted(path for path in tmp_path.rglob("*") if not path.is_relative_to(data)) == before


def test_only_a_record_that_this_start_made_is_called_new(keeper: Keeper, postgres_url: str) -> None:
    for where in (str(keeper.folder / "hub.db"), postgres_url):
        for new in (" (new)", ""):
            with keeper.hub("--db", where) as hub:
                assert f"  record        {where}{new}\n" in hub.greeting


def test_who_starts_a_hub_twice_is_told_of_the_first(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        done = keeper.call("serve", "--port", str(hub.port))
        assert done.returncode == 2
        assert "is served by another hub" in done.stderr


def test_of_hubs_that_start_at_once_on_a_new_file_one_serves(keeper: Keeper) -> None:
    hubs = [Hub(keeper, (), {}) for _ in range(3)]
    try:
        wait_for(lambda: sum(hub.process.poll() is not None for hub in hubs) == 2)
        (left,) = [hub for hub in hubs if hub.process.poll() is None]
        left.wait_until_it_listens()
        assert [hub.process.returncode for hub in hubs if hub is not left] == [2, 2]
    finally:
        for hub in hubs:
            hub.kill()


def test_a_killed_hub_leaves_nothing_in_the_way_of_the_next(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        token = keeper.token
        hub.end(signal.SIGKILL)
    with keeper.hub():
        assert keeper.token == token


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_stop_keeps_what_was_acked_and_tells_roots_to_dial_again(
    keeper: Keeper, number: signal.Signals
) -> None:
    stores = small_run()
    with keeper.hub() as hub:
        child = Child()
        uplink = Uplink(hub.address, hello(), keeper.token, stores[ROOT_STORE], child)
        uplink.add_store(DAEMON_STORE, stores[DAEMON_STORE])
        running = asyncio.create_task(uplink.run())
        await until(lambda: child.welcome is not None and uplink.acks > 0 and not uplink.awaits_ack)
        assert await asyncio.to_thread(hub.end, number) == 0
        await running
        assert [type(error) for error in child.lost] == [UnavailableError]
        await asyncio.to_thread(wait_for, lambda: hub.logged("stopped"))
    database = Database.open(f"sqlite:{keeper.data / 'hub.db'}")
    assert database.query("SELECT count(*) FROM events") == [(sum(len(s.events) for s in stores.values()),)]
    assert database.query("SELECT connected FROM runs") == [(0,)]
    database.close()
    # Nothing beside the file: the record of a hub that has ended is one file.
    assert {file.name for file in keeper.data.iterdir()} == {"hub.db", "hub.db.lock", "token"}


_BLOCKING = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"
_IGNORING = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_hub_whose_starter_blocked_all_signals_can_be_stopped(
    keeper: Keeper, number: signal.Signals
) -> None:
    with keeper.hub(starter=_BLOCKING) as hub:
        assert hub.end(number) == 0


def test_a_hub_under_nohup_goes_on_when_its_terminal_is_closed(keeper: Keeper) -> None:
    with keeper.hub(starter=_IGNORING) as hub:
        hub.process.send_signal(signal.SIGHUP)
        assert hub.end(signal.SIGTERM) == 0
    assert hub.logged("stopping: SIGTERM")


async def test_a_backup_beside_a_live_hub_holds_the_record_and_replaces_nothing(keeper: Keeper) -> None:
    stores = small_run()
    copy = keeper.folder / "copy.db"
    with keeper.hub() as hub:
        assert await feed(hub.address, stores, token=keeper.token) == []
        done = keeper.call("backup", str(copy))
        assert (done.returncode, done.stderr) == (0, "")
        assert copy.stat().st_mode & 0o777 == 0o600
        before = copy.read_bytes()
        done = keeper.call("backup", "copy.db")
        assert done.returncode == 2
        assert "copy.db exists" in done.stderr
        assert copy.read_bytes() == before
    assert {file.name for file in keeper.folder.iterdir()} == {"copy.db", "data"}
    with sqlite3.connect(copy) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events")
    connection.close()
    assert count == sum(len(store.events) for store in stores.values())
    with keeper.hub("--db", "copy.db"):
        pass


def test_a_backup_of_postgresql_names_its_own_means(keeper: Keeper) -> None:
    done = keeper.call("backup", "x", "--db", "postgresql://stranger@nowhere/x")
    assert done.returncode == 2
    assert "pg_dump" in done.stderr


def test_check_says_whether_the_record_is_sound_and_served(keeper: Keeper) -> None:
    missing = keeper.call("check", "--port", "1")
    assert missing.returncode == 1
    assert "there is no database" in missing.stdout
    assert not keeper.data.exists()
    with keeper.hub() as hub:
        done = keeper.call("check", "--port", str(hub.port))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{keeper.data / 'hub.db'}: 0 runs, " in done.stdout
        assert f", version {VERSION}, sound\n" in done.stdout
        assert f"a hub serves at 127.0.0.1:{hub.port}\n" in done.stdout
        assert f"the database is served by process {hub.process.pid} on " in done.stdout
        figures = (
            r" user \S+, up \d+s, [\d.]+ MB of memory, \d+s of processor time, \d+ threads, \d+ descriptors"
        )
        assert re.search(figures, done.stdout)
        port = str(hub.port)
        keeper.call("backup", "copy.db")
        other = keeper.call("check", "--port", port, "--db", "copy.db")
        assert other.returncode == 1
        assert f"the hub at 127.0.0.1:{port} serves another database" in other.stdout
    done = keeper.call("check", "--port", port)
    assert done.returncode == 1
    assert f"no hub answers at 127.0.0.1:{port}" in done.stdout
    assert "is served by process" not in done.stdout


def test_help_says_what_is_taken_where_nothing_is_given(keeper: Keeper) -> None:
    shown = " ".join(keeper.call("serve", "--help").stdout.replace("│", " ").split())
    assert "hub.db in the data folder" in shown
    assert "one token, yours, in the data folder" in shown
    assert "Serve other hosts without --token-file and TLS." in shown
    shown = " ".join(keeper.call("check", "--help").stdout.split())
    assert "The exit code is 1 if one of them does not hold." in shown


def test_what_a_hub_says_of_its_files_is_good_in_any_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ServeOptions("sqlite:x", token_file=Path("tokens"), tls_certificate=Path("hub.pem"))
    said = process.greeting(options, "127.0.0.1:80", "x", Path("tokens"))
    assert f"--hub-ca {tmp_path / 'hub.pem'}\n" in said
    assert f"a token from {tmp_path / 'tokens'}\n" in said


def test_check_finds_damage_and_files_that_are_not_records(keeper: Keeper) -> None:
    with keeper.hub() as hub:
        hub.end()
    file = keeper.data / "hub.db"
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 8] = b"\xff" * 4096 * 5
    file.write_bytes(data)
    done = keeper.call("check", "--port", "1")
    assert done.returncode == 1
    assert "damaged" in done.stdout or "cannot be read" in done.stdout
    (keeper.folder / "text").write_text("no database at all, but long enough to be taken for one " * 100)
    done = keeper.call("check", "--port", "1", "--db", "text")
    assert "text is not a database" in done.stdout


def test_a_record_that_lacks_a_table_is_neither_sound_nor_served(keeper: Keeper, database_url: str) -> None:
    database = Database.open(database_url)
    database.execute("DROP TABLE outputs")
    database.close()
    said = "is incomplete: table outputs is missing: restore it from a backup"
    done = keeper.call("check", "--port", "1", "--db", database_url)
    assert done.returncode == 1
    assert f"{said}\n" in done.stdout
    done = keeper.call("serve", "--port", "0", "--db", database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{said}\n" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("serve", "--db", "data"), "data is a folder: name a file in it"),
        (("serve", "--db", "README.md"), "README.md is not a database: choose another --db"),
        (("serve", "--db", "/dev/null"), "/dev/null is not a file: choose another --db"),
        (("backup", "copy.db", "--db", "README.md"), "README.md is not a database: choose another --db"),
        (("backup", "nowhere/copy.db", "--db", "README.md"), "there is no folder nowhere: create it first"),
        (("serve", "--db", "nowhere/x/hub.db"), "nowhere/x: create it first"),
    ],
)
def test_a_name_that_is_none_of_a_record_is_told_and_nothing_is_left(
    keeper: Keeper, args: tuple[str, ...], said: str
) -> None:
    (keeper.folder / "data").mkdir()
    (keeper.folder / "README.md").write_text("no database at all, but long enough to be taken for one " * 100)
    before = sorted(keeper.folder.rglob("*"))
    done = keeper.call(*args, *(("--port", "0") if args[0] == "serve" else ()))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(keeper.folder.rglob("*")) == before


def test_check_looks_at_postgresql(keeper: Keeper, postgres_url: str) -> None:
    done = keeper.call("check", "--port", "1", "--db", postgres_url)
    assert f"{postgres_url} is empty: no hub has written anything into it\n" in done.stdout
    with keeper.hub("--db", postgres_url) as hub:
        done = keeper.call("check", "--port", str(hub.port), "--db", postgres_url)
        assert (done.returncode, done.stderr) == (0, "")
        assert ": 0 runs, " in done.stdout
