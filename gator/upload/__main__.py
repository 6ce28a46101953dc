"""`python -m gator.upload`: uploads a run to a hub while it runs. Its parameters arrive on stdin.

Invariant: the run never waits for this process. It loads its modules before it has its parameters, only reads
the folder of the run, lowers its own priority once the upload has begun, and ends soon after its root.
"""

import asyncio
import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Final

from gator.errors import reason_of
from gator.git import GitQuestion
from gator.process.host import RPC_THREADS, lacks_threads, save_address_space
from gator.runtime import diagnostics, loading, shutdown, signals
from gator.runtime.loop import run_loop
from gator.store.run.description import write_git
from gator.upload.protocol import UploadParameters, UploadState, UploadStatus
from gator.upload.root_watch import RootWatch

NICE: Final = 10
LAST_SECONDS: Final = 3.0
"""Maximum time in seconds that it continues after its root has died."""
EXIT_CUT: Final = 70
"""Exit code if its root died before the hub had everything."""


def main() -> int:
    """Uploads a run until the hub has all of it. Returns 0, or 1 if that failed."""
    signals.reset_inherited()
    question = GitQuestion(str(Path.cwd()))
    with loading.quickly():
        # Git runs meanwhile.
        from gator.upload import stream as upload_stream

        del upload_stream
    # Unbuffered, because RootWatch reads the rest of stdin.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        line = stdin.readline()
    git = question.answer()
    if not line:
        # There is no run, because its spec is invalid.
        return 1
    parameters = UploadParameters.decode(line)
    save_address_space()
    lacking = lacks_threads(RPC_THREADS)
    if lacking is not None:
        _send_status(UploadStatus(UploadState.FAILED, lacking))
        return 1
    watch = RootWatch(0, LAST_SECONDS, EXIT_CUT)
    try:
        _log_to(parameters.log)
    except OSError as error:
        _send_status(UploadStatus(UploadState.FAILED, f"cannot write {parameters.log}: {reason_of(error)}"))
        return 1
    if git is not None:
        # If the folder cannot be written, the run itself reports it.
        with contextlib.suppress(OSError):
            write_git(Path(parameters.folder), git)
    return run_loop(_run(parameters, watch))


def _log_to(path: str) -> None:
    """Redirects stderr to a file, so that errors do not appear on the terminal."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    os.dup2(log, 2)
    os.close(log)


def _send_status(status: UploadStatus) -> None:
    # The reader of the pipe is gone if the root has died.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, status.encode())


async def _run(parameters: UploadParameters, watch: RootWatch) -> int:
    from gator.hub_access.address import resolve
    from gator.run_folder import RunFolder
    from gator.upload.stores import UploadedRun
    from gator.upload.stream import Upload

    loop = asyncio.get_running_loop()
    diagnostics.start(os.environ, Path(parameters.folder), "upload")
    stores = UploadedRun(RunFolder(Path(parameters.folder)))
    ca = Path(parameters.ca) if parameters.ca else None
    stepped_back = False

    def on_status(status: UploadStatus) -> None:
        nonlocal stepped_back
        if not stepped_back:
            # Not earlier: if all cores are busy from the start, the run would appear in the hub seconds late.
            stepped_back = True
            os.nice(NICE)
        _send_status(status)

    upload = Upload(stores, partial(resolve, parameters.address, os.environ, ca=ca), on_status)

    watch.on_over(partial(loop.call_soon_threadsafe, upload.end))
    try:
        status = await upload.run()
    finally:
        stores.close()
    return 0 if status.state is UploadState.DONE else 1


if __name__ == "__main__":
    shutdown.run(main)
