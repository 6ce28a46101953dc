"""Where servers listen: unix sockets in a folder of the user's own, with a lock beside each. Imports no grpc.

gRPC silently replaces the socket of a server that lives, so a socket is only bound with its lock held.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from gator import errors
from gator.errors import reason_of

MAX_PATH_BYTES = 107
"""The room for a path in `sockaddr_un`, see unix(7)."""
UNIX = "unix:"
_ROOTS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the folder in it has to be the user's own
_RUN = re.compile(r"[0-9a-f]{16}")


def socket_address(name: str, environ: Mapping[str, str]) -> str:
    """Returns the address of the socket `name` in the user's own folder; creates the folder if needed.

    The folder is under XDG_RUNTIME_DIR, or under a temporary directory if that is missing, not writable or
    too long. Raises UsageError with the reason for each if none is usable.
    """
    tried: dict[str, str] = {}
    for root in (environ.get("XDG_RUNTIME_DIR", ""), environ.get("TMPDIR", ""), *_ROOTS):
        if not root or root in tried:
            continue
        folder = Path(root).absolute() / f"gator-{os.getuid()}"
        path = folder / f"{name}.sock"
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            tried[root] = "too long for a socket"
            continue
        try:
            private_folder(folder)
        except errors.UsageError:
            tried[root] = f"gator-{os.getuid()} in it belongs to another user"
        except OSError as error:
            tried[root] = reason_of(error)
        else:
            return UNIX + str(path)
    reasons = ", ".join(f"{root} ({why})" for root, why in tried.items())
    raise errors.UsageError(f"no folder for sockets: set XDG_RUNTIME_DIR to a writable one; tried {reasons}")


def private_folder(folder: Path) -> None:
    """Makes a folder that only its user may enter; raises UsageError when someone else was there first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise errors.UsageError(f"{folder} is not a folder of this user: remove it or set XDG_RUNTIME_DIR")
    if stat.S_IMODE(info.st_mode) != 0o700:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def socket_path(address: str) -> Path | None:
    """Returns the file of a unix address, None for any other. Raises UsageError if it is too long."""
    if not address.startswith(UNIX):
        return None
    path = Path(address.removeprefix(UNIX))
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise errors.UsageError(
            f"the path of a socket has over {MAX_PATH_BYTES} bytes, choose a shorter one: {path}"
        )
    return path


def remove_dead_sockets(address: str, run: str) -> None:
    """Removes the sockets of killed servers of a run, given the address of the first of them.

    Its name must be a prefix of the run's id; all their names begin with it. Must be called when none of the
    servers lives.
    """
    path = socket_path(address)
    if path is None or _RUN.fullmatch(path.stem) is None or path.stem != run[: len(path.stem)]:
        return
    for left in path.parent.glob(f"{path.stem}*.sock*"):
        left.unlink(missing_ok=True)


class SocketLock:
    """The right to listen on one unix socket, held by an flock on a file beside it."""

    def __init__(self, socket: Path) -> None:
        """Acquires the lock, and removes the socket of a dead server. Raises UsageError if one is live."""
        self._socket = socket
        self._path = socket.with_name(socket.name + ".lock")
        while True:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(self._fd)
                raise errors.UsageError(
                    f"{socket} is served by another process: choose another address or end that process"
                ) from error
            if self._is_current():
                break
            # The holder before us removed the file between our open and our lock.
            os.close(self._fd)
        socket.unlink(missing_ok=True)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Removes the socket and gives the lock back."""
        self._socket.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        os.close(self._fd)
