"""`python -m gator.daemon`: a daemon. Its parent sends its parameters as one line on stdin."""

import os
import sys

from gator.runtime import loading, shutdown, signals

with loading.quickly():
    from gator.daemon.service import Service
    from gator.errors import DiskFullError
    from gator.process.host import RPC_THREADS, lacks_threads, save_address_space
    from gator.runtime.loop import run_loop
    from gator.scheduler.request import DaemonParameters


def main() -> int:
    """Runs a daemon until its work is done or its parent has ended."""
    signals.reset_inherited()
    # Unbuffered: what follows on stdin is read by the code that waits for its end.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        line = stdin.readline()
    if not line:
        sys.stderr.write("no order on stdin: daemons are started by gator, not by hand\n")
        return 2
    save_address_space()
    lacking = lacks_threads(RPC_THREADS)
    if lacking is not None:
        # As below.
        sys.stderr.write(f"{lacking}\n")
        return 1
    try:
        return run_loop(_run(DaemonParameters.decode(line)))
    except DiskFullError as error:
        # The parent shows the last lines of a daemon that did not start to the user.
        sys.stderr.write(f"{error}\n")
        return 1


async def _run(parameters: DaemonParameters) -> int:
    return await Service(parameters).run()


if __name__ == "__main__":
    shutdown.run(main)
