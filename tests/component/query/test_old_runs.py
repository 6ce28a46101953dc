"""Runs whose stores an older Gator wrote are shown and closed like others; their files stay as they are."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from gator.core.attempt.signature import signature_of
from gator.daemon.recovery import ensure_closed
from gator.query import Queries
from gator.run_folder import RunFolder
from gator.store import schema
from gator.store.run.queries import FolderReader
from gator.v1 import common_pb2
from gator.v1 import query_service_pb2 as qs

from . import runs

OF_OLD = signature_of(common_pb2.REASON_EXIT, runs.OFFENCE.text, "it returned 1")


def as_version_1(folder: Path) -> None:
    """Bring the stores of a run into the form in which the first version wrote them."""
    for path in (folder / "stores").glob("*.db"):
        new = sqlite3.connect(path, isolation_level=None)
        rows = {
            table: new.execute(f"SELECT * FROM {table}").fetchall()
            for (table,) in new.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        }
        lacking = {table: len(schema.lacking(1, table)) for table in rows}
        new.close()
        path.unlink()
        old = sqlite3.connect(path, isolation_level=None)
        schema.migrate(old, schema.MIGRATIONS[:1])
        for table, values in rows.items():
            for row in values:
                kept = row[: len(row) - lacking[table]]
                old.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(kept))})", kept)
        old.close()


def versions(folder: Path) -> Iterator[int]:
    for path in sorted((folder / "stores").glob("*.db")):
        connection = sqlite3.connect(path)
        yield schema.version_of(connection)
        connection.close()


@pytest.fixture
def ended(tracking: Path) -> Path:
    folder = runs.ended_run(tracking)
    as_version_1(folder)
    return folder


@pytest.fixture
def died(tracking: Path) -> RunFolder:
    builder = runs.simple_run(tracking)
    builder.die()
    as_version_1(builder.folder.path)
    return builder.folder


def test_an_ended_run_is_read_and_stays_as_it_is(ended: Path) -> None:
    before = {path: path.read_bytes() for path in (ended / "stores").iterdir()}
    with FolderReader.open(ended, live=False) as reader:
        bad = reader.node("top/bad")
        assert bad is not None
        assert (bad.message, bad.signature) == ("it returned 1", OF_OLD)
        good = reader.node("top/good")
        assert good is not None
        assert good.signature == ""
        assert [attempt.number for attempt in reader.attempts("top/bad")] == [1]
        result = reader.result("top/bad")
        assert result is not None
        assert result.signature == OF_OLD
        failed = qs.ListNodesRequest(
            path="top",
            scope=qs.SCOPE_SUBTREE,
            kinds=[common_pb2.NODE_KIND_JOB],
            outcomes=[common_pb2.OUTCOME_FAILED],
        )
        assert [node.path for _, node in reader.nodes(failed, None, 10).nodes] == ["top/bad"]
    assert {path: path.read_bytes() for path in (ended / "stores").iterdir()} == before


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_run_of_a_colleague_is_read(ended: Path) -> None:
    stores = ended / "stores"
    for path in (*stores.iterdir(), stores):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        with FolderReader.open(ended, live=False) as reader:
            assert reader.run().id == runs.RUN_ID
    finally:
        stores.chmod(0o755)


@pytest.mark.usefixtures("ended")
def test_commands_show_it(gator: Callable[..., Result]) -> None:
    assert "boom: it broke" in gator("failures").stdout
    assert json.loads(gator("failures", "--json").stdout)["signature"] == OF_OLD
    assert gator("tree").stdout.startswith("top  failed")


def test_a_dead_run_is_completed_for_whoever_looks(died: RunFolder) -> None:
    with FolderReader.open(died.path, live=False) as reader:
        top = reader.node("top")
        assert top is not None
        assert top.outcome == common_pb2.OUTCOME_FAILED
        assert [node.path for node in Queries(reader).list_nodes(qs.ListNodesRequest()).nodes] == [
            "top/good",
            "top/bad",
        ]
    assert set(versions(died.path)) == {1}


def test_a_dead_run_is_closed(died: RunFolder) -> None:
    assert ensure_closed(died)
    assert sorted(versions(died.path)) == [1, 1, schema.VERSION]
    with FolderReader.open(died.path, live=False) as reader:
        top = reader.node("top")
        assert top is not None
        assert top.outcome == common_pb2.OUTCOME_FAILED
