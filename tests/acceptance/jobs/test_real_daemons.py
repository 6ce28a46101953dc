"""Real servers that put themselves into the background end with the job that started them."""

import os
import pwd
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.v1 import attach_pb2
from tests.acceptance.support import Gator, until
from tests.component.hub.postgres import programs

LOG = attach_pb2.EVENT_KIND_LOG
SPEC = """\
!JobGroup
ident: top
jobs:
- !Job
  ident: database
  cwd: FOLDER
  shell: |
    AS initdb -D data -A trust --no-sync
    AS pg_ctl -D data -l log -o "-c listen_addresses= -k FOLDER -c shared_buffers=16MB" -w start
    touch up
- !Job {ident: beside, resources: [!Cores 0], shell: "until [ -e FOLDER/up ]; do sleep 0.02; done; sleep 1"}
- !Job {ident: next, on_pass: [database], shell: "! kill -0 $(head -n 1 FOLDER/pid) 2>/dev/null"}
"""
pytestmark = pytest.mark.skipif(programs() is None, reason="needs the programs of PostgreSQL")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which the server's account, which is never root, can write."""
    with tempfile.TemporaryDirectory(prefix="gator-pg-") as name:
        folder = Path(name)
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
        for pid in servers(folder):
            # Only where a test has failed.
            os.kill(pid, signal.SIGKILL)


def servers(folder: Path) -> list[int]:
    """The processes of the server: it overwrites its command line, but keeps its working directory."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder / "data":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_a_database_server_ends_with_its_job(gator: Gator, folder: Path, placement: str) -> None:
    account = "setpriv --reuid=postgres --regid=postgres --clear-groups " if os.getuid() == 0 else ""
    text = SPEC.replace("AS ", f"{account}{programs()}/").replace("FOLDER", str(folder))
    text = text.replace("touch up", "cp data/postmaster.pid pid\n    touch up")
    run = gator.start("run", gator.spec(text), "-j", 4, "--placement", placement)
    until(lambda: servers(folder), "the server")
    run.wait().expect(0)
    assert servers(folder) == []
    said = {
        event.path: event.log.text for event in gator.events(LOG) if "left processes behind" in event.log.text
    }
    assert list(said) == ["top/database"]
    pid = (folder / "pid").read_text().splitlines()[0]
    assert f"postgres (pid {pid})" in said["top/database"]
