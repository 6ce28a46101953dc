"""The diagnostic log and `gator status --explain` answer why something has not happened yet."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until
from tests.component.link.fakes import until as until_async
from tests.component.upload.fakes import TOKEN, FakeHub, serving

SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {ident: first, shell: "until [ -e go ]; do sleep 0.02; done", cwd: FOLDER}
- !Job {ident: second, command: 'true'}
- !Job {ident: third, command: 'true', on_pass: [second]}
"""


def log_of(gator: Gator) -> str:
    path = gator.root / "tracking" / "latest" / "diagnostic.log"
    return path.read_text() if path.exists() else ""


def test_there_is_no_log_unless_it_is_asked_for(gator: Gator) -> None:
    gator("run", gator.spec("!Job {ident: one, command: 'true'}")).expect(0)
    assert not (gator.folder / "diagnostic.log").exists()


@pytest.mark.parametrize("value", ["loud", "dispatch=loud", "nothing=debug"])
def test_a_wrong_value_is_a_usage_error(gator: Gator, value: str) -> None:
    done = gator("run", gator.spec("!Job {ident: one, command: 'true'}"), env={"GATOR_LOG": value})
    assert f"GATOR_LOG={value}: must be one of debug" in done.expect(2).err


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_an_attempt_that_is_not_handed_out_is_explained(gator: Gator, placement: str) -> None:
    spec = gator.spec(SPEC.replace("FOLDER", str(gator.root)))
    run = gator.start(
        "run", spec, "-j", 1, "--placement", placement, env={"GATOR_LOG": "warning,dispatch=debug"}
    )
    until(lambda: "waits: top/second (attempt 1): 1 core, 0 free" in log_of(gator), "the reason is logged")
    host = "inline" if placement == "inline" else "w1"
    until(lambda: (gator.folder / "control").exists(), "the root listens")
    text = gator("status", "--explain", "second").expect(0).out
    assert "top/second  waiting" in text
    assert "1 core, 0 free" in text
    assert f"held by top/first (attempt 1) on {host}, lease 1" in text
    found = json.loads(gator("status", "--explain", "second", "--json").expect(0).out)
    assert found["details"][0]["holders"][0]["path"] == "top/first"
    assert "for top/second to pass (1 job left)" in gator("status", "--explain", "third").expect(0).out
    assert "top/first  running" in gator("status", "--explain", "first").expect(0).out
    (gator.root / "go").touch()
    run.wait().expect(0)
    log = log_of(gator)
    # Who held the lease, and when it was handed out after all.
    assert f"top/first (attempt 1) holds lease 1 on {host}" in log
    assert f"handed out: top/second (attempt 1) to {host} on lease" in log
    assert "top/second  passed" in gator("status", "--explain", "second").expect(0).out


def test_daemons_come_and_go_in_the_log(gator: Gator) -> None:
    spec = gator.spec(SPEC.replace("FOLDER", str(gator.root)))
    (gator.root / "go").touch()
    gator("run", spec, "--placement", "daemons", env={"GATOR_LOG": "debug"}).expect(0)
    log = log_of(gator)
    assert "root INFO daemons: w1 starts" in log
    # Which of the daemons gets the jobs is open; one that is not up by then is killed.
    assert re.search(r"w\d attached, pid \d+ on ", log)
    assert re.search(r"w\d exited while draining, code 0", log)
    assert re.search(r"w\d DEBUG store: w\d\.db: commit of \d+ events, \d+ bytes", log)


async def test_a_cut_uplink_and_an_upload_that_falls_behind_are_in_the_log(
    gator: Gator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub()
    hub.acking = False
    env = {"GATOR_HUB_TOKEN": TOKEN, "GATOR_LOG": "upload=debug,link=info"}
    spec = gator.spec(SPEC.replace("FOLDER", str(gator.root)))
    async with serving(hub) as server:
        run = gator.start("run", spec, "--hub", server.address, env=env)
        await until_async(lambda: "behind: the hub has acknowledged nothing for" in log_of(gator), 30)
        hub.cut()
        await until_async(lambda: "is cut: UnavailableError: the hub is about to stop" in log_of(gator), 30)
        Path(gator.root / "go").touch()
        await until_async(lambda: run.ended, 30)
    run.wait()
    assert "upload INFO upload: the hub is connected" in log_of(gator)
