"""What this process asks of its host, once, at its start; nothing here concerns a single job.

Linux only: sessions, pidfds, subreapers and /proc are what the ending of jobs stands on.
"""

import _thread
import contextlib
import os
import resource
import signal
import sys
import time
from pathlib import Path

MIN_DESCRIPTORS = 64
"""With fewer gRPC ends the process instead of raising an error."""
RPC_THREADS = min(max(os.cpu_count() or 1, 4), 16) + 8
"""Maximum number of threads of a process that uses gRPC; without them it hangs or is aborted."""
RUN_TASKS = 8
"""Number of further threads and processes that a run needs: its own, and those of a first job."""
_MAX_YIELDS = 10_000
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def supported() -> str | None:
    """Says why jobs cannot run on this host, as one sentence, or None where they can."""
    if not sys.platform.startswith("linux"):
        return f"jobs run on Linux only, this is {sys.platform}"
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        return "this Python was built without pidfd_open; use one built for Linux 5.3 or newer"
    if not Path("/proc/self/stat").exists():
        return "/proc is not mounted, and without it processes of jobs cannot be found; mount it"
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY and descriptors < MIN_DESCRIPTORS:
        return f"only {descriptors} files may be open at once; allow some hundreds with ulimit -n"
    return None


def lacks_threads(count: int) -> str | None:
    """Says why this user cannot have `count` more threads or processes now, or None where it can.

    Found out by having them for a moment, as no number tells: those of all processes of a user count
    together, some users have no limit, and a container may have its own. Takes some 50 µs for each.
    """
    before = _threads()
    gate = _thread.allocate_lock()
    had = 0
    with gate:
        while had < count:
            try:
                _thread.start_new_thread(_pass, (gate,))
            except RuntimeError:
                break
            had += 1
    for _ in range(_MAX_YIELDS):
        # One that is about to end still counts.
        if _threads() <= before:
            break
        time.sleep(0)
    if had == count:
        return None
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits = "ulimit -u" if space == resource.RLIM_INFINITY else "ulimit -u, or more memory with ulimit -v"
    return f"only {had} more processes and threads may be started; allow some hundreds with {limits}"


def _pass(gate: _thread.LockType) -> None:
    with gate:
        pass


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a name a thread, nothing to join


def become_subreaper() -> None:
    """Adopts every orphan among the descendants of this process, instead of leaving it to init.

    Raises OSError where the kernel refuses.
    """
    import ctypes  # costs some 10 ms, and only a daemon needs it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def close_inherited() -> None:
    """Lets no job inherit a descriptor that this process itself was born with.

    Python marks what it opens; inherited descriptors are unmarked. Descriptors 0 to 2 are opened on
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
