"""Folders without a run, with a part of one, or without permission: the messages say what to do."""

import os
import shutil
from pathlib import Path

import pytest

from tests.acceptance.support import Done, Gator

AWAY = "localhost:1"
# What a user without rights sees, for a test that is run by root too.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def imported(gator: Gator, path: Path | str) -> str:
    return gator("hub", "import", str(path), "--hub", AWAY).expect(2).err


@pytest.fixture
def run(gator: Gator) -> Path:
    """The folder of a run."""
    gator("run", gator.spec("!Job {ident: one, command: echo}")).expect(0)
    return gator.folder


def test_an_import_of_a_path_without_a_run_says_what_to_name_instead(gator: Gator, run: Path) -> None:
    (gator.root / "empty").mkdir()
    (gator.root / "loop").symlink_to("loop")
    assert "there is no folder nowhere: name the folder of a run" in imported(gator, "nowhere")
    assert "spec.yaml is not a folder: name the folder of a run" in imported(gator, "spec.yaml")
    assert f"is inside a run: use the run's folder, {run}" in imported(gator, run / "stores" / "root.db")
    assert "there is no run in . itself: name tracking" in imported(gator, ".")
    assert "gator run makes them in tracking/ where it is started" in imported(gator, "empty")
    assert "loop cannot be read: too many levels of symbolic links" in imported(gator, "loop")


def test_an_import_of_half_a_run_says_what_is_wrong_with_it(gator: Gator, run: Path) -> None:
    (run / "stores" / "root.db").write_bytes(b"rubbish" * 1000)
    said = gator("hub", "import", "tracking", "--hub", AWAY).expect(1).err
    assert "root.db cannot be read: file is not a database: check its permissions" in said
    shutil.rmtree(run / "stores")
    said = gator("hub", "import", "tracking", "--hub", AWAY, "--json").expect(1)
    assert f'{{"folder":"{run}","events":0,"fault":"' in said.out
    assert "contains no record: the run never started, or the copy is incomplete" in said.out
    assert not said.err


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv: apt install util-linux"
)
def test_a_run_that_nobody_may_look_into_stands_in_no_ones_way(gator: Gator, run: Path) -> None:
    closed = run.with_name("20261122-125830-two")
    shutil.copytree(run, closed)
    closed.chmod(0)

    def weakly(*args: str) -> Done:
        prefix = WITHOUT_RIGHTS if os.geteuid() == 0 else []
        return gator.start(*args, prefix=prefix).wait()

    try:
        why = f"{closed.name} cannot be read: permission denied: ask its owner to let you read it"
        listed = weakly("runs").expect(0).out
        assert why in listed
        assert str(run) in listed
        assert why in weakly("status", "-r", closed.name).expect(2).err
        assert why in weakly("hub", "import", str(closed), "--hub", AWAY).expect(1).err
        run.parent.chmod(0)
        assert "tracking cannot be read: permission denied" in weakly("runs").expect(2).err
    finally:
        run.parent.chmod(0o700)
        closed.chmod(0o700)
