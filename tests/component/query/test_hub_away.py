"""Commands on a run whose root is not connected to the hub."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from . import runs
from .hub_fakes import FakeHub, serving
from .test_hub_runs import NEW, caller

Gator = Callable[..., Result]


@pytest.fixture
def live(tracking: Path) -> Iterator[runs.RunBuilder]:
    """A run whose only job has started and has written a line."""
    builder = runs.RunBuilder(tracking, run=NEW)
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/good", 0.1))
    builder.write(runs.started("top/good", 1), runs.block("top/good", 1.1, b"one\n"))
    yield builder
    builder.end()


@pytest.fixture
def hub(live: runs.RunBuilder) -> Iterator[FakeHub]:
    """A hub that has it."""
    with serving({NEW: live.folder.path}, live=True) as hub:
        yield hub


@pytest.fixture
def ask(hub: FakeHub, tmp_path: Path) -> Gator:
    return caller(hub, tmp_path)


def test_a_run_that_is_away_has_run_until_it_was_last_heard_of(ask: Gator, hub: FakeHub) -> None:
    hub.readers[NEW].away_since = runs.START + 65 * runs.SECOND
    text = ask("status", "-r", "hub:").stdout
    assert text.startswith("top  running for 1m05s when it was last heard of\n")
    assert "  top/good  1m04s" in text
    shown = ask("show", "top/good", "-r", "hub:").stdout
    assert shown.startswith("top/good  running for 1m04s when it was last heard of\n")


def test_what_began_after_it_was_last_heard_of_has_run_for_no_time(ask: Gator, hub: FakeHub) -> None:
    hub.readers[NEW].away_since = runs.START - runs.SECOND
    assert ask("status", "-r", "hub:").stdout.startswith("top  running for 0.00s when")
