"""The process that calls the plug-ins of a run: `python -m gator.plugins FOLDER [MODULE]…`."""

import os
import sys

from gator.plugins.host import main

if __name__ == "__main__":
    # What plug-ins print must not be mixed with the problems that are told to the run.
    report_fd = os.dup(2)
    os.dup2(1, 2)
    sys.stderr = os.fdopen(report_fd, "w", encoding="utf-8", errors="backslashreplace")
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread of a plug-in may never end.
    os._exit(0)
