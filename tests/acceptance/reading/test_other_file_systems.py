"""Runs on file systems of other hosts, where a store can be read by its owner alone until it ends."""

from pathlib import Path

import pytest

from tests.acceptance.support import Gator

ROOT = Path(__file__).parents[3]
ELSEWHERE = """
import gator.store.connection

gator.store.connection.is_local = lambda folder: False
"""

SPEC = """
!JobGroup
ident: top
jobs:
- !Job {ident: bad, shell: "echo trouble >&2; exit 3"}
- !Job {ident: worse, shell: "echo more trouble; exit 4"}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_the_output_of_failed_jobs_is_in_their_files(gator: Gator, tmp_path: Path, placement: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(ELSEWHERE)
    started = gator.start(
        "run",
        gator.spec(SPEC),
        "--placement",
        placement,
        env={"PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"},
    )
    started.wait().expect(1)
    logs = {path.name.partition("-")[0]: path.read_bytes() for path in (gator.folder / "logs").iterdir()}
    assert logs == {"top_bad": b"trouble\n", "top_worse": b"more trouble\n"}
    gator.check_results()
