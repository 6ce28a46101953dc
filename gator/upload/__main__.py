"""`python -m gator.upload.__main__`: brings a run into a hub beside the run. Its order comes on stdin.

The rule: the run never waits for it. It loads before it has its order, only reads the run's folder, steps
back for everybody else as soon as the run is on its way, and goes when its root is gone.
"""

import asyncio
import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Final

from gator.git import GitQuestion
from gator.loop import run_loop
from gator.process.host import RPC_THREADS, lacks_threads
from gator.runtime import loading, shutdown, signals
from gator.store.run.description import write_git
from gator.upload.protocol import UploadOrder, UploadState, UploadStatus
from gator.upload.root_watch import RootWatch

NICE: Final = 10
LAST_SECONDS: Final = 3.0
"""So long it goes on after its root has died."""
EXIT_CUT: Final = 70
"""Exit code when its root died before everything was in the hub."""


def main() -> int:
    """Bring a run into a hub until all of it is there: 0, else 1."""
    signals.reset_inherited()
    question = GitQuestion(str(Path.cwd()))
    with loading.quickly():
        # Git answers meanwhile.
        from gator.upload import stream as upload_stream

        del upload_stream
    # Unbuffered: what follows on stdin is for whoever watches it.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        line = stdin.readline()
    git = question.answer()
    if not line:
        # There is no run after all: its spec was wrong.
        return 1
    order = UploadOrder.decode(line)
    lacking = lacks_threads(RPC_THREADS)
    if lacking is not None:
        _tell(UploadStatus(UploadState.FAILED, lacking))
        return 1
    watch = RootWatch(0, LAST_SECONDS, EXIT_CUT)
    try:
        _log_to(order.log)
    except OSError as error:
        _tell(UploadStatus(UploadState.FAILED, f"cannot write {order.log}: {error.strerror}"))
        return 1
    if git is not None:
        # Where nothing can be written the run itself says so.
        with contextlib.suppress(OSError):
            write_git(Path(order.folder), git)
    return run_loop(_run(order, watch))


def _log_to(path: str) -> None:
    """Let what goes wrong here stand in a file rather than on the terminal."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    os.dup2(log, 2)
    os.close(log)


def _tell(status: UploadStatus) -> None:
    # Nobody listens after the death of the root.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, status.encode())


async def _run(order: UploadOrder, watch: RootWatch) -> int:
    from gator.hub_address import resolve
    from gator.run_folder import RunFolder
    from gator.upload.stores import RunStores
    from gator.upload.stream import Upload

    loop = asyncio.get_running_loop()
    stores = RunStores(RunFolder(Path(order.folder)))
    ca = Path(order.ca) if order.ca else None
    stepped_back = False

    def on_status(status: UploadStatus) -> None:
        nonlocal stepped_back
        if not stepped_back:
            # Not sooner: where all cores are busy from the start the run would appear seconds late.
            stepped_back = True
            os.nice(NICE)
        _tell(status)

    upload = Upload(stores, partial(resolve, order.address, os.environ, ca=ca), on_status)

    watch.on_over(partial(loop.call_soon_threadsafe, upload.end))
    try:
        status = await upload.run()
    finally:
        stores.close()
    return 0 if status.state is UploadState.DONE else 1


if __name__ == "__main__":
    shutdown.run(main)
