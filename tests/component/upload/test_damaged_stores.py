"""Stores whose bytes were changed: each is told, none ends what reads it by another error."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gator.errors import StoreError
from gator.store import StoreReader
from gator.upload.stores import UploadedRun
from tests.component.upload.fakes import FakeRun


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    run = FakeRun(tmp_path / "run")
    run.log("root", "one")
    run.result()
    run.end()
    return run


def set_value(run: FakeRun, column: str, value: str) -> Path:
    """Changes what the root's store says of itself; `value` is SQL."""
    path = run.folder.stores / "root.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE store SET {column} = {value}")
    return path


def test_a_store_with_a_text_that_is_none_is_unreadable(run: FakeRun) -> None:
    path = set_value(run, "host", "CAST(x'67ff' AS TEXT)")
    with closing(UploadedRun(run.folder)) as stores:
        assert not stores.open_new()
        assert "Could not decode to UTF-8" in stores.unreadable[path]


def test_a_store_whose_schema_is_not_a_string_is_unreadable(run: FakeRun) -> None:
    path = run.folder.stores / "root.db"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE nodes", b"CREATE TABLE \xff\xfedes"))
    with pytest.raises(StoreError, match="cannot be read"):
        StoreReader.open(path)


@pytest.mark.parametrize("value", ["'{'", "x'ff'", "7", "zeroblob(17000000)"])
def test_a_description_that_cannot_be_read_is_a_fault_of_the_store(run: FakeRun, value: str) -> None:
    set_value(run, "description", value)
    with closing(UploadedRun(run.folder)) as stores:
        stores.open_new()
        with pytest.raises(StoreError, match="is damaged"):
            stores.describe()
        assert stores.fault
