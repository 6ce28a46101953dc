"""The part of the launch's environment that jobs inherit.

Invariant: no variable in the result refers to a file descriptor that jobs do not inherit.
"""

import re
from collections.abc import Callable, Mapping

_DESCRIPTORS = frozenset(
    {
        # sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3): they address the service itself.
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_PIDFDID",
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        # Channel of a process that Node.js started with IPC.
        "NODE_CHANNEL_FD",
    }
)
_MAKE_FLAGS = ("CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS")
"""GNU make, "POSIX Jobserver"; cargo passes its own jobserver in a variable of its own."""

_WORD = re.compile(r"(?:\\.|[^\s\\])+")
_JOBSERVER = re.compile(r"--jobserver-(?:auth|fds)=(.*)", re.DOTALL)
_JOBS = re.compile(r"-j\d*|--jobs(?:=\d+)?")
_FIFO = "fifo:"


def inherited(environment: Mapping[str, str], exists: Callable[[str], bool]) -> dict[str, str]:
    """Returns the variables that jobs inherit from the launch.

    `exists` tells whether a path exists: a jobserver that is a named pipe stays usable.
    """
    kept = {name: value for name, value in environment.items() if name not in _DESCRIPTORS}
    for name in _MAKE_FLAGS:
        if name in kept:
            kept[name] = _without_jobserver(kept[name], exists)
    return kept


def _without_jobserver(flags: str, exists: Callable[[str], bool]) -> str:
    """Returns make flags without an unreachable jobserver and its `-jN`."""
    before, separator, variables = flags.partition(" -- ")
    words = [str(word) for word in _WORD.findall(before)]
    servers = [match[1] for match in map(_JOBSERVER.fullmatch, words) if match]
    if not servers or all(
        server.startswith(_FIFO) and exists(server.removeprefix(_FIFO)) for server in servers
    ):
        return flags
    left = [word for word in words if not _JOBSERVER.fullmatch(word) and not _JOBS.fullmatch(word)]
    # Make parses a first word without a dash as single-letter flags unless a space precedes it.
    start = " " if before[:1].isspace() else ""
    return f"{start}{' '.join(left)}{separator}{variables}"


def with_program(
    environment: Mapping[str, str], folder: str, is_found: Callable[[str], bool]
) -> dict[str, str]:
    """Returns the environment with `folder` appended to PATH unless PATH already has the program (`found`).

    Jobs then find the `gator` that runs them, even if it was called by its path, and every other program
    as before.
    """
    path = environment.get("PATH")
    if is_found(path if path is not None else ""):
        return dict(environment)
    return {**environment, "PATH": f"{path}:{folder}" if path else folder}
