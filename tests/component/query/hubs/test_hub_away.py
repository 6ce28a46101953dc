"""Commands on a run whose root is not connected to the hub."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from gator.cli.follow import away
from gator.console import describe
from gator.v1 import query_pb2
from tests.component.query import runs
from tests.component.query.hubs.hub_fakes import FakeHub, serving
from tests.component.query.hubs.test_hub_runs import NEW, caller

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
    assert text.startswith("top  running for 1m05s when it was last heard from\n")
    assert "  top/good  1m04s" in text
    shown = ask("show", "top/good", "-r", "hub:").stdout
    assert shown.startswith("top/good  running for 1m04s when it was last heard from\n")


def test_what_began_after_it_was_last_heard_of_has_run_for_no_time(ask: Gator, hub: FakeHub) -> None:
    hub.readers[NEW].away_since = runs.START - runs.SECOND
    assert ask("status", "-r", "hub:").stdout.startswith("top  running for 0.00s when")


class Following:
    """`gator logs -f` of the job in a thread of its own, and what it writes to stderr."""

    def __init__(self, ask: Gator, *args: str) -> None:
        self._results = list[Result]()
        self._ask, self._args = ask, args
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        self._results.append(self._ask("logs", "-f", "top/good", "-r", "hub:", *self._args))

    def end(self) -> Result:
        self._thread.join(30)
        (result,) = self._results
        return result


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.01)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[query_pb2.Run]:
    """The runs that were reported as away."""
    runs_told = list[query_pb2.Run]()
    tell = away._warn  # pyright: ignore[reportPrivateUsage]

    def telling(run: query_pb2.Run) -> None:
        tell(run)
        runs_told.append(run)

    monkeypatch.setattr(away, "_warn", telling)
    monkeypatch.setattr(away, "POLL_SECONDS", 0.01)
    return runs_told


def go_on(live: runs.RunBuilder, hub: FakeHub) -> None:
    """The run comes back, and its job ends."""
    hub.readers[NEW].away_since = 0
    live.write(runs.block("top/good", 1.2, b"two\n", first=2))
    live.write(runs.finished("top/good", 2, out=2), runs.result("top/good", 2), runs.result("top", 2))


SINCE = describe.moment(runs.START)
WAITING = f"gator: the run lost its connection to the hub at {SINCE}: waiting for it (Ctrl-C stops waiting)\n"


@pytest.mark.parametrize("args", [(), ("--grep", "o")])
def test_who_follows_a_run_that_is_away_is_told_and_waits_for_it(
    live: runs.RunBuilder, hub: FakeHub, ask: Gator, told: list[query_pb2.Run], args: tuple[str, ...]
) -> None:
    hub.readers[NEW].away_since = runs.START
    following = Following(ask, *args)
    until(lambda: len(told) == 1)
    go_on(live, hub)
    result = following.end()
    assert (result.stdout, result.stderr) == ("one\ntwo\n", WAITING)


@pytest.mark.parametrize("args", [(), ("--grep", "o")])
def test_a_run_that_goes_away_while_it_is_followed_is_waited_for(
    live: runs.RunBuilder, hub: FakeHub, ask: Gator, told: list[query_pb2.Run], args: tuple[str, ...]
) -> None:
    following = Following(ask, *args)
    until(lambda: hub.looks > 20)
    assert not told
    hub.readers[NEW].away_since = runs.START
    until(lambda: len(told) == 1)
    go_on(live, hub)
    result = following.end()
    assert (result.stdout, result.stderr) == ("one\ntwo\n", WAITING)


def test_an_ended_job_of_a_run_that_is_away_is_not_waited_for(
    live: runs.RunBuilder, hub: FakeHub, ask: Gator
) -> None:
    live.write(runs.finished("top/good", 2, out=1), runs.result("top/good", 2))
    hub.readers[NEW].away_since = runs.START
    result = ask("logs", "-f", "top/good", "-r", "hub:")
    assert (result.stdout, result.stderr) == ("one\n", "")
