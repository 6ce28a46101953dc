"""A throwaway PostgreSQL server for tests, on a unix socket alone.

Invariant: it ends with the process that started it, however that ends, and leaves no file.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from gator.process.ownership.select import register_helper, unregister_helper

_ACCOUNT = "postgres"
_START_SECONDS = 60
# A shell stands between: it stops the server when its standard input ends, and takes the folder away.
_GUARD = """
trap '' INT TERM
"$@" &
read -r word
kill -INT "$(head -n 1 "$GUARDED/data/postmaster.pid")"
wait
[ "$word" = keep ] || rm -rf "$GUARDED"
"""
_OPTIONS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "log_min_messages=panic",
)


@cache
def programs() -> Path | None:
    """Folder of the server's programs, the newest version's; None where none is installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], default=None)


class PostgresServer:
    """One server with its own folder. It may be stopped and started again; databases stay."""

    def __init__(self) -> None:
        """Raises CalledProcessError when no cluster can be made."""
        bin_folder = programs()
        assert bin_folder is not None
        self._bin = bin_folder
        # The folders of pytest cannot be entered by the server's account, which is never root.
        self.folder = Path(tempfile.mkdtemp(prefix="gator-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        if os.getuid() == 0:
            entry = pwd.getpwnam(_ACCOUNT)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        # A language's collation, so that a query that forgets to compare bytes is found out.
        icu = ("--locale-provider=icu", "--icu-locale=en") if "--icu-locale" in self._help() else ()
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", _ACCOUNT, "-E", "UTF8", "--no-sync", *icu)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert self._process is None
        options = [
            word
            for option in (*_OPTIONS, f"unix_socket_directories={self.folder}")
            for word in ("-c", option)
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _GUARD, "guard", *self._as_account("postgres", "-D", self._data, *options)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "GUARDED": str(self.folder)},
                start_new_session=True,
            )
        # Tests of orphans run in this process too.
        register_helper(self._process.pid)
        deadline = time.monotonic() + _START_SECONDS
        while self._call("psql", "-c", "SELECT 1").returncode:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"

    def stop(self, *, keep: bool = True) -> None:
        """Stop it at once, cutting all connections; `keep` the databases."""
        process, self._process = self._process, None
        if process is None:
            return
        process.communicate(b"keep\n" if keep else b"\n")
        unregister_helper(process.pid)

    def restart(self) -> None:
        """Cut all connections and start again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self.stop(keep=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """URL of an empty database of its own."""
        name = f"gator{next(self._numbers)}"
        made = self._call("psql", "-c", f"CREATE DATABASE {name}")
        assert not made.returncode, made.stderr
        return self.url(name)

    def url(self, name: str) -> str:
        """URL of a database."""
        return f"postgresql://{_ACCOUNT}@/{name}?host={self.folder}"

    def with_password(self, url: str, role: str, password: str) -> str:
        """The same database for a role of its own that may do all, and has to give a password."""
        file = self.folder / "data" / "pg_hba.conf"
        rules = file.read_text()
        if f"local all {role} " not in rules:
            file.write_text(f"local all {role} scram-sha-256\n{rules}")
            sql = f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{password}'"
            for command in (sql, "SELECT pg_reload_conf()"):
                done = self._call("psql", "-c", command)
                assert not done.returncode, done.stderr
        return url.replace(f"//{_ACCOUNT}@", f"//{role}@")

    def _call(self, program: str, *args: str) -> subprocess.CompletedProcess[bytes]:
        path = self._bin / program
        return subprocess.run(
            [path, "-X", "-q", "-h", self.folder, "-U", _ACCOUNT, "-d", "postgres", *args],
            capture_output=True,
            check=False,
        )

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(self._as_account(program, *args), check=True, capture_output=True, cwd=self.folder)

    def _help(self) -> str:
        return subprocess.run(
            [self._bin / "initdb", "--help"], capture_output=True, check=True, text=True
        ).stdout

    def _as_account(self, program: str, *args: str) -> Sequence[str]:
        command = [str(self._bin / program), *args]
        return ["runuser", "-u", _ACCOUNT, "--", *command] if os.getuid() == 0 else command


class _Request(Protocol):
    """What is used of pytest's request for a fixture."""

    param: str

    def getfixturevalue(self, argname: str) -> str: ...


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that runs, one for each process of the tests. A test that stops it starts it again."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """URL of an empty database."""
    return postgres_server.new_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a database file that is not there yet."""
    return f"sqlite:{tmp_path / 'hub.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: _Request) -> str:
    """URL of an empty database, of each kind in turn."""
    return request.getfixturevalue(f"{request.param}_url")
