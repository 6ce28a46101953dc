"""What this process asks of its host, once, at its start; nothing here concerns a single job.

Linux only: sessions, pidfds, subreapers and /proc are what the ending of jobs stands on.
"""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path

LEAST_DESCRIPTORS = 64
"""With fewer gRPC ends the process instead of raising an error."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def supported() -> str | None:
    """Say why jobs cannot run on this host, as one sentence, or None where they can."""
    if not sys.platform.startswith("linux"):
        return f"jobs run on Linux only, this is {sys.platform}"
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        return "this Python was built without pidfd_open; use one built for Linux 5.3 or newer"
    if not Path("/proc/self/stat").exists():
        return "/proc is not mounted, and without it processes of jobs cannot be found; mount it"
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY and descriptors < LEAST_DESCRIPTORS:
        return f"only {descriptors} files may be open at once; allow some hundreds with ulimit -n"
    return None


def become_subreaper() -> None:
    """Adopt every orphan among the descendants of this process, instead of leaving it to init.

    Raises OSError where the kernel refuses.
    """
    import ctypes  # costs some 10 ms, and only a daemon needs it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def close_inherited() -> None:
    """Let no job inherit a descriptor that this process itself was born with.

    Python marks what it opens; what came through exec is unmarked. Descriptors 0 to 2 are opened on
    /dev/null where they are closed, as a pipe that got such a number would be clobbered in a child.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a name a descriptor, nothing to join
        number = int(name)
        if number > 2:
            # The listing's own descriptor is gone by now.
            with contextlib.suppress(OSError):
                os.set_inheritable(number, False)
