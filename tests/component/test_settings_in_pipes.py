"""Settings such as tokens that are read from pipes."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from gator.errors import UsageError
from gator.files.bounded import read_setting
from gator.hub_access import address as hub_address


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def write_slowly(pipe: Path) -> None:
    with pipe.open("wb", buffering=0) as file:
        file.write(b"me:")
        time.sleep(0.05)
        file.write(b"0123\n")


def test_a_pipe_without_a_writer_is_not_waited_for_longer_than_the_timeout(pipe: Path) -> None:
    with pytest.raises(TimeoutError) as refused:
        read_setting(pipe, seconds=0.05)
    assert refused.value.errno == errno.ETIMEDOUT


def test_a_pipe_that_its_writer_keeps_open_is_not_waited_for_longer_than_the_timeout(pipe: Path) -> None:
    end = os.open(pipe, os.O_RDWR)
    os.write(end, b"me:0123\n")
    with pytest.raises(TimeoutError):
        read_setting(pipe, seconds=0.05)
    os.close(end)


def test_a_token_from_a_pipe_is_read_once_and_kept(pipe: Path, tmp_path: Path) -> None:
    writer = threading.Thread(target=write_slowly, args=[pipe])
    writer.start()
    environ = {"XDG_DATA_HOME": str(tmp_path), "GATOR_HUB_TOKEN_FILE": str(pipe)}
    tokens = [hub_address.resolve("localhost", environ).token for _ in range(2)]
    writer.join()
    assert tokens == ["0123", "0123"]


@pytest.mark.parametrize("name", ["GATOR_HUB_TOKEN_FILE", "GATOR_HUB_CA"])
def test_a_pipe_without_a_writer_is_named(
    pipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("gator.files.bounded.SETTING_SECONDS", 0.05)
    with pytest.raises(UsageError, match=rf"cannot read .*/pipe, which {name} names: it is a pipe"):
        hub_address.resolve("localhost", {"XDG_DATA_HOME": str(tmp_path), name: str(pipe)})
