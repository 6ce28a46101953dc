"""Checks and prepares this process at its start, for all jobs.

Linux only: ending jobs needs sessions, pidfds, subreapers and /proc.
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
_MARGIN_BYTES = 32 << 20
"""Address space in bytes that a process needs beside the stacks of its threads."""
_M_ARENA_MAX = -8  # malloc.h
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SWITCH_INTERVAL_SECONDS = 0.0005
"""Time after which a thread yields the interpreter: the store's writer needs it often and briefly."""


def supported() -> str | None:
    """Returns why jobs cannot run on this host, as one sentence; None if they can."""
    if not sys.platform.startswith("linux"):
        return f"jobs run on Linux only, this is {sys.platform}"
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        return "this Python was built without pidfd_open: use one built for Linux 5.3 or newer"
    if not Path("/proc/self/stat").exists():
        return "/proc is not mounted, and without it processes of jobs cannot be found: mount it"
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY and descriptors < MIN_DESCRIPTORS:
        return f"only {descriptors} files may be open at once: allow some hundreds with ulimit -n"
    return None


def save_address_space() -> None:
    """Limits malloc to one arena if the address space is limited; call it before threads are started.

    Each further arena reserves 64 MiB of addresses, up to 8 for each core. Where `ulimit -v` is a few hundred
    MiB, nothing is left for the stacks of threads, and gRPC aborts the process when it cannot start one.
    """
    if _is_space_limited():
        import ctypes  # takes 10 ms

        # Other C libraries than glibc have no arenas.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _is_space_limited() -> bool:
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _has_margin() -> bool:
    """Returns whether this process can map some more memory."""
    import mmap

    try:
        mmap.mmap(-1, _MARGIN_BYTES).close()
    except OSError:
        return False
    return True


def lacks_threads(count: int) -> str | None:
    """Returns why this user cannot have `count` more threads or processes now; None if it can.

    Starts them for a moment, because no number is known: all processes of a user count together, some users
    have no limit, and a container may have its own. Takes about 50 µs for each.
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
        is_space_left = not _is_space_limited() or _has_margin()
    for _ in range(_MAX_YIELDS):
        # One that is about to end still counts.
        if _threads() <= before:
            break
        time.sleep(0)
    if had == count:
        return (
            None
            if is_space_left
            else "its threads leave it no memory: allow some hundred MiB more with ulimit -v"
        )
    limits = "ulimit -u, or more memory with ulimit -v" if _is_space_limited() else "ulimit -u"
    return f"only {had} more processes and threads may be started: allow some hundreds with {limits}"


def _pass(gate: _thread.LockType) -> None:
    with gate:
        pass


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a name a thread, nothing to join


def prepare_to_host_jobs() -> None:
    """Prepares this process to start processes of jobs. Raises OSError if the kernel refuses."""
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    close_inherited()
    become_subreaper()


def become_subreaper() -> None:
    """Makes this process adopt the orphans among its descendants, instead of init.

    Raises OSError if the kernel refuses.
    """
    import ctypes  # takes 10 ms, and only a daemon needs it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def close_inherited() -> None:
    """Prevents jobs from inheriting descriptors that this process inherited.

    Python opens descriptors as not inheritable. Closed ones among 0 to 2 are opened on /dev/null, because a
    pipe with such a number would be overwritten in a child.
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
            # The descriptor of the listing itself is closed by now.
            with contextlib.suppress(OSError):
                os.set_inheritable(number, False)
