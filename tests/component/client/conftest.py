import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    if len(str(tmp_path)) < 90:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="g") as short:
        yield Path(short)
