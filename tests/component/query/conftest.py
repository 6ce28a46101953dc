"""Runs to query; each test has its own folders."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gator.cli.main import app
from gator.query import Queries
from gator.store.run.reader import FolderReader
from tests.component.query import runs


@pytest.fixture
def tracking(tmp_path: Path) -> Path:
    return tmp_path / "tracking"


@pytest.fixture
def folder(tracking: Path) -> Path:
    """An ended run: one job passed, one failed, one was pruned."""
    return runs.ended_run(tracking)


@pytest.fixture
def queries(folder: Path) -> Iterator[Queries]:
    with FolderReader.open(folder, live=False) as reader:
        yield Queries(reader)


@pytest.fixture
def builder(tracking: Path) -> Iterator[runs.RunBuilder]:
    """A live run with one job that was not handed out."""
    builder = runs.simple_run(tracking)
    yield builder
    builder.end()


@pytest.fixture
def gator(tracking: Path) -> Callable[..., Result]:
    """Calls a command on the runs of this test."""

    def call(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, args, env={"GATOR_TRACKING": str(tracking), "NO_COLOR": "1"})
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


def lines_of(result: Result) -> Sequence[str]:
    return result.stdout.splitlines()


def values(result: Result) -> list[Any]:
    """Each line of JSON that was printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]
