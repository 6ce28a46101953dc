"""`python -m gator.daemon.upload`: brings a run into a hub beside the run. Its order comes on stdin.

The rule: the run never waits for it. It only reads the run's folder, steps back for everybody else as soon as
the run is on its way, and goes when its root is gone.
"""

import asyncio
import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

from gator import loading
from gator.daemon.git_state import GitQuestion
from gator.daemon.upload_order import UploadOrder, UploadState, UploadStatus
from gator.store.run_meta import write_git

NICE: Final = 10
LAST_SECONDS: Final = 3.0
"""So long it goes on after its root has died."""
EXIT_CUT: Final = 70
"""Exit code when its root died before everything was in the hub."""


def main() -> int:
    """Bring a run into a hub until all of it is there: 0, else 1."""
    # Unbuffered: what follows on stdin is for whoever watches it.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        line = stdin.readline()
    if not line:
        sys.stderr.write("no order on stdin: this is started by gator run --hub, not by hand\n")
        return 2
    order = UploadOrder.decode(line)
    question = GitQuestion(str(Path.cwd()))
    with loading.quickly():
        # Git answers meanwhile.
        from gator.daemon import upload_stream

        del upload_stream
    if (git := question.answer()) is not None:
        # Where nothing can be written the run itself says so.
        with contextlib.suppress(OSError):
            write_git(Path(order.folder), git)
    return asyncio.run(_run(order))


async def _run(order: UploadOrder) -> int:
    from gator.daemon.folder import RunFolder
    from gator.daemon.upload_stores import RunStores
    from gator.daemon.upload_stream import Upload
    from gator.hub_access import resolve

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
        # Nobody listens after the death of the root.
        with contextlib.suppress(BrokenPipeError):
            os.write(1, status.encode())

    upload = Upload(stores, partial(resolve, order.address, os.environ, ca=ca), on_status)

    def on_stdin() -> None:
        try:
            data = os.read(0, 4096)
        except BlockingIOError:
            return
        upload.end()
        if not data:
            loop.remove_reader(0)
            loop.call_later(LAST_SECONDS, os._exit, EXIT_CUT)

    os.set_blocking(0, False)
    loop.add_reader(0, on_stdin)
    status = await upload.run()
    stores.close()
    return 0 if status.state is UploadState.DONE else 1


if __name__ == "__main__":
    sys.exit(main())
