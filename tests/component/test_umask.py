"""The folder of a run under an unusual umask."""

import os
from pathlib import Path

import pytest

from gator.errors import UsageError
from gator.run_folder import RunFolder


def test_a_umask_that_takes_the_folder_away_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may use any folder.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    before = os.umask(0o777)
    try:
        for make in (
            lambda: RunFolder.create(tmp_path / "t", "a", "1"),
            lambda: RunFolder.exactly(tmp_path / "t"),
        ):
            with pytest.raises(UsageError, match="umask 777 takes the permissions of new folders"):
                make()
        assert not (tmp_path / "t").exists()
    finally:
        os.umask(before)
