"""What `grpcurl` prints of an error that a run or a hub answers with can be read."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until
from tests.component.hub.processes import Keeper

pytestmark = pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")


def details(*args: str) -> str:
    """The details of the error that a call ends with, without blanks."""
    done = subprocess.run(
        ["grpcurl", "-plaintext", *args], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Details:" in done.stderr, done.stderr
    return re.sub(r"\s", "", done.stderr.split("Details:")[1])


def test_the_details_of_an_error_of_a_live_run(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: a, command: sleep, args: [60]}\n")
    running = gator.start("run", spec)
    control = gator.root / "tracking" / "latest" / "control"
    until(control.exists, "the run listens")
    found = json.loads(control.read_text())
    said = details(
        *("-unix", "-H", f"authorization: Bearer {found['token']}", "-d", '{"path": "nowhere"}'),
        *(found["address"].removeprefix("unix:"), "gator.v1.QueryService/GetNode"),
    )
    running.signal(15)
    running.wait()
    assert '"@type":"type.googleapis.com/google.rpc.ErrorInfo"' in said
    assert '"domain":"gator"' in said
    assert '"reason":"NOT_FOUND"' in said


def test_the_details_of_an_error_of_a_hub(tmp_path: Path) -> None:
    with Keeper(tmp_path).hub() as hub:
        said = details(hub.address, "gator.v1.HubService/ListRuns")
    assert '"@type":"type.googleapis.com/google.rpc.ErrorInfo"' in said
    assert '"reason":"UNAUTHENTICATED"' in said
