"""A `gator` for each test; a test that leaves a process behind fails."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import MARK, Gator


@pytest.fixture
def gator(tmp_path: Path) -> Iterator[Gator]:
    """The command with a tracking folder, a folder for sockets and a mark of its own."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    mark = uuid.uuid4().hex
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATOR_")}
    root = tmp_path / "work"
    root.mkdir()
    environment = {
        **inherited,
        MARK: mark,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "XDG_RUNTIME_DIR": str(runtime),
        "NO_COLOR": "1",
    }
    command = Gator(root, mark, environment)
    yield command
    for printed in sorted((root / "printed").glob("*")):
        # Shown only when the test fails.
        print(f"--- {printed.name}\n{printed.read_text(errors='replace')[-5000:]}")
    try:
        command.wait_gone(10)
    finally:
        left = command.processes()
        for process in left:
            process.kill()
        for running in command.running:
            running.close()
    assert not left, f"the test left processes behind: {left}"


@pytest.fixture
def hub(gator: Gator) -> Iterator[RealHub]:
    hub = RealHub(gator)
    yield hub
    if hub.process is not None and not hub.process.ended:
        hub.process.kill()
