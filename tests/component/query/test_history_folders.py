"""Reading the runs in folders before the start of a run takes a bounded time."""

from pathlib import Path

import pytest

from gator.cli.history.folders import FolderHistory
from gator.core.history import series
from gator.errors import UnavailableError
from tests.component.query import runs


@pytest.fixture
def ended(tracking: Path) -> Path:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/good", 0.1), runs.started("top/good", 1))
    builder.write(runs.result("top/good", 2), runs.result("top", 3))
    builder.end()
    return tracking


def test_what_takes_too_long_is_refused_instead_of_answered_in_part(ended: Path) -> None:
    with pytest.raises(UnavailableError, match="could not be read within 0s: name the jobs by their paths"):
        FolderHistory(ended, total_seconds=0).runs("top", series.WHOLE, 1)


def test_the_time_counts_for_all_lists_together(ended: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    history = FolderHistory(ended, total_seconds=5)
    now[0] += 4
    (run,) = history.runs("top", series.WHOLE, 1)
    assert [node.path for node in history.nodes(run)] == ["top/good"]
    now[0] += 2
    with pytest.raises(UnavailableError):
        list(history.nodes(run))


def test_reading_commands_have_as_long_as_they_need(ended: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    history = FolderHistory(ended)
    now[0] += 1000
    (run,) = history.runs("top", series.WHOLE, 1)
    assert [node.path for node in history.nodes(run)] == ["top/good"]
