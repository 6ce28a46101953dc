"""`python -m gator.daemon`: a daemon that its parent started. Its order comes as one line on stdin."""

import asyncio
import os
import sys

from gator.daemon.service import Service
from gator.scheduler.order import DaemonOrder


def main() -> int:
    """Run a daemon until its work is done or its parent is gone."""
    # Unbuffered: what follows on stdin is the business of whoever watches for its end.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        line = stdin.readline()
    if not line:
        sys.stderr.write("no order on stdin: daemons are started by gator, not by hand\n")
        return 2
    return asyncio.run(_run(DaemonOrder.decode(line)))


async def _run(order: DaemonOrder) -> int:
    return await Service(order).run()


if __name__ == "__main__":
    sys.exit(main())
