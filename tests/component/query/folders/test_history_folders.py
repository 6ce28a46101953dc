"""The history over the runs in folders takes a bounded time, and a damaged run hides no other one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import Result

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


def _damage(run: Path, table: str) -> None:
    """Overwrites the first page of a table of the root's store."""
    file = run / "stores" / "root.db"
    with closing(sqlite3.connect(file)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        ((size,),) = connection.execute("PRAGMA page_size")
    with file.open("r+b") as store:
        store.seek((page - 1) * size)
        store.write(b"\xff" * size)


@pytest.fixture
def runs_of_two_days(tracking: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two runs with the same failure, the older one first."""
    with monkeypatch.context() as yesterday:
        yesterday.setattr(runs, "START", runs.START - 86_400 * runs.SECOND)
        first = runs.ended_run(tracking, stamp="20261121-125830", run="a" * 32)
    return first, runs.ended_run(tracking)


@pytest.mark.parametrize("table", ["nodes", "attempts"])
def test_a_damaged_older_run_does_not_hide_the_failures_of_a_good_one(
    gator: Callable[..., Result], runs_of_two_days: tuple[Path, Path], table: str
) -> None:
    older, _ = runs_of_two_days
    _damage(older, table)
    result = gator("failures")
    assert "failed top/bad" in result.stdout
    assert "new since" not in result.stdout
    assert f"gator: left out: {older}/stores/root.db" in result.stderr


@pytest.mark.parametrize("table", ["nodes", "attempts"])
def test_a_trend_leaves_out_a_damaged_run_and_says_so(
    gator: Callable[..., Result], runs_of_two_days: tuple[Path, Path], table: str
) -> None:
    older, newer = runs_of_two_days
    _damage(older, table)
    result = gator("trend", "top/bad")
    assert "0 of 1 passed" in result.stdout
    assert "never passed" not in result.stdout
    assert f"gator: left out: {older}/stores/root.db" in result.stderr
    assert str(newer) not in result.stderr


def test_the_failures_of_two_good_runs_are_counted(
    gator: Callable[..., Result], runs_of_two_days: tuple[Path, Path]
) -> None:
    assert "in 2 runs, last in run aaaaaaaa" in gator("failures").stdout


def test_a_failure_is_not_called_new_where_its_own_run_cannot_be_read(
    runs_of_two_days: tuple[Path, Path],
) -> None:
    _, newer = runs_of_two_days
    history = FolderHistory(newer.parent)
    run = history.run("-1")
    assert run is not None
    assert history.sightings(run)
    _damage(newer, "nodes")
    assert history.sightings(run) == {}
