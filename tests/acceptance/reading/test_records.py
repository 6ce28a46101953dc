"""What a run leaves in its folder."""

import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until

SECRET = "hunter2hunter2"
SECRETIVE = f"""\
!JobGroup
  ident: top
  env: {{MY_PASSWORD: {SECRET}}}
  jobs:
  - !Job {{ident: a, command: sh, args: [-c, 'test -n "$0"', $MY_PASSWORD]}}
  - !Job {{ident: b, env: {{API_KEY: {SECRET}}}, shell: test "$LAUNCH_TOKEN" = {SECRET}}}
"""
# The start of what kills its daemon is committed by then.
DEADLY = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: a, shell: 'test $GATOR_ATTEMPT = 2 || { sleep 0.5; kill -9 $PPID; sleep 9; }'}
  - !JobGroup {ident: g, jobs: [!Job {ident: b, command: "true"}]}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_secrets_of_the_launch_and_of_a_spec_stand_in_no_file_of_a_run(gator: Gator, placement: str) -> None:
    spec = gator.spec(SECRETIVE)
    gator("run", spec, "--placement", placement, env={"LAUNCH_TOKEN": SECRET}).expect(0)
    plain = SECRET.encode()
    for path in gator.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert plain not in content, path
        assert plain.hex().encode() not in content, path
    assert SECRET not in gator("show", "a").expect(0).out


@pytest.mark.parametrize("placement", ["daemons", "tiers"])
def test_every_store_is_one_file_without_a_journal_also_that_of_a_killed_daemon(
    gator: Gator, placement: str
) -> None:
    # With --verbose the display reads the stores of all daemons while these end.
    gator("run", gator.spec(DEADLY), "--placement", placement, "--verbose").expect(0)
    stores = sorted((gator.folder / "stores").iterdir())
    assert len(stores) > 2
    assert [path.suffix for path in stores] == [".db"] * len(stores)
    for path in stores:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        connection.close()
    if placement == "daemons":
        assert "lost: its daemon died" in gator("show", "a").expect(0).out


def test_no_socket_is_left_of_a_killed_daemon_or_root(gator: Gator) -> None:
    sockets = Path(gator.env["XDG_RUNTIME_DIR"])
    gator("run", gator.spec(DEADLY), "--placement", "daemons").expect(0)
    assert list(sockets.rglob("*.sock*")) == []
    spec = gator.spec("!Job {ident: slow, command: sleep, args: [60]}\n", "slow.yaml")
    running = gator.start("run", spec, "--placement", "daemons")
    until(lambda: "running" in gator("tree").out, "the job runs")
    running.kill()
    assert "lost" in gator("status").out
    assert list(sockets.rglob("*.sock*")) == []


def test_closed_standard_streams_are_not_a_fault(gator: Gator) -> None:
    spec = gator.spec('!Job {ident: a, shell: "echo out; echo err >&2", stderr: info}\n')
    shell = ("sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh")
    gator.start("run", spec, prefix=shell).wait().expect(0)
    assert gator("logs", "a").expect(0).out == "out\nerr\n"
