"""The process that feeds a hub, where its surroundings are hostile."""

import errno
import os
from pathlib import Path

import pytest

from gator.run_folder import RunFolder
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.upload.protocol import UploadParameters
from gator.upload.supervisor import Uploader
from tests.component.link.fakes import until
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, serving

REPOSITORY = Path(__file__).parents[3]
EXIT_CUT = 70
BLOCKED = """\
import pathlib, sys, threading

async def run(self):
    pathlib.Path(MARK).touch()
    threading.Event().wait()

if "-m" in sys.orig_argv:
    from gator.upload import stream
    stream.Upload.run = run
"""
LOUD = "import sys; sys.stderr.write('a warning of this Python\\n')\n"
WITHOUT_THREADS = """\
import _thread

def start_new_thread(*_):
    raise RuntimeError("can't start new thread")

_thread.start_new_thread = start_new_thread
"""


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    run = FakeRun(tmp_path / "run")
    run.log("root", "one")
    return run


def _environment(tmp_path: Path, customize: str) -> dict[str, str]:
    """One in which every Python runs some code at its start."""
    place = tmp_path / "customize"
    place.mkdir()
    (place / "sitecustomize.py").write_text(customize)
    return {**os.environ, "GATOR_HUB_TOKEN": TOKEN, "PYTHONPATH": f"{place}{os.pathsep}{REPOSITORY}"}


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def _order(folder: RunFolder, address: str) -> bytes:
    return UploadParameters(str(folder.path), str(folder.daemons / "upload.log"), address).encode()


async def test_one_whose_loop_is_held_up_ends_soon_after_its_root(run: FakeRun, tmp_path: Path) -> None:
    mark = tmp_path / "blocked"
    process = UploadProcess(_environment(tmp_path, f"MARK = {str(mark)!r}\n{BLOCKED}"))
    os.write(process.parameters_write_fd, _order(run.folder, "127.0.0.1:1"))
    await until(mark.exists)
    os.close(process.parameters_write_fd)
    _, status = os.waitpid(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == EXIT_CUT
    for descriptor in (process.status_read_fd, process.stderr, process.pidfd):
        os.close(descriptor)


def test_where_no_pidfd_can_be_opened_neither_process_nor_descriptors_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pids: list[int] = []

    def refuse(pid: int, flags: int = 0) -> int:
        pids.append(pid)
        raise OSError(errno.EMFILE, "Too many open files")

    before = _descriptors()
    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        UploadProcess(os.environ)
    assert _descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)


async def test_what_this_python_says_at_its_start_is_not_said_again(
    run: FakeRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts: list[str] = []
    hub = FakeHub()
    environment = _environment(tmp_path, LOUD)
    async with serving(hub) as server:
        uploader = Uploader(
            UploadOptions(server.address),
            run.folder,
            environment,
            lambda text, warning=False: texts.append(text),
        )
        uploader.start()
        run.end()
        await uploader.finish()
    assert hub.sequences(run.stores["root"].store_id) == [1]
    assert capfd.readouterr().err == ""
    assert texts == []


async def test_one_without_threads_says_so_and_what_to_do(run: FakeRun, tmp_path: Path) -> None:
    texts: list[str] = []
    uploader = Uploader(
        UploadOptions("127.0.0.1:1"),
        run.folder,
        _environment(tmp_path, WITHOUT_THREADS),
        lambda text, warning=False: texts.append(text),
    )
    uploader.start()
    await until(lambda: texts)
    run.end()
    await uploader.finish()
    assert "only 0 more processes and threads may be started" in texts[0]
    assert "ulimit -u" in texts[0]
