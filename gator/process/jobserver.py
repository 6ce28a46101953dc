"""A jobserver of GNU make: tokens that make, ninja and cargo take before they start a further process.

See "Sharing Job Slots with GNU make" in the manual of make. A token is a byte in a named pipe, which is
open here as long as the attempt runs, because a pipe that is open nowhere loses its bytes. A program is told
of it in MAKEFLAGS, by the path of the pipe (`fifo`: make 4.4, ninja 1.13, cargo) or by the numbers of two
descriptors that it inherits (`pipe`: older makes, cargo).
Invariant: each program may run one process without a token, so there is one token less than cores.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

FIFO_SINCE = (4, 4)
"""The first version of make that knows the form `fifo`."""
READ_NUMBER, WRITE_NUMBER = 3, 4
"""The descriptors of the form `pipe` in the process."""
_FIRST_OWN = 10
VERSION_SECONDS = 2.0
"""Timeout of `make --version`."""
_VERSION = re.compile(rb"GNU Make (\d+)\.(\d+)")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./:=,@%+-]+")
_OTHERS = re.compile(r"(?:^|\s)(?:--jobserver-(?:auth|fds)=\S*|-j\d*|--jobs(?:=\d+)?)(?=\s|$)")


class Jobserver:
    """The jobserver of one attempt. Raises OSError if it cannot be made."""

    __slots__ = ("_cores", "_fds", "_folder", "_is_fifo", "_path")

    def __init__(self, path: Path, cores: int, *, is_fifo: bool) -> None:
        """Makes a named pipe at `path`, or in a temporary folder if MAKEFLAGS cannot have the path."""
        self._folder: Path | None = None
        if _PLAIN_PATH.fullmatch(str(path)) is None:
            self._folder = Path(tempfile.mkdtemp(prefix="gator-"))
            path = self._folder / "jobserver"
        self._path, self._is_fifo = path, is_fifo
        self._cores = max(cores, 1)
        self._fds: list[int] = []
        try:
            path.parent.mkdir(exist_ok=True)
            os.mkfifo(path, 0o600)
            # With both directions neither the open nor a writer waits for another process.
            for flags in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY)[: 1 if is_fifo else 3]:
                self._fds.append(_open(path, flags))
            os.write(self._fds[0], b"+" * (self._cores - 1))
        except OSError:
            self.close()
            raise

    @property
    def inherited(self) -> Mapping[int, int]:
        """The descriptors that the process needs: its numbers, and those of this process."""
        return {} if self._is_fifo else dict(zip((READ_NUMBER, WRITE_NUMBER), self._fds[1:], strict=True))

    def makeflags(self, before: str) -> str:
        """Returns the value of MAKEFLAGS; `before` is that without the jobserver.

        The first word of it may be letters of options; a space says that it is none.
        """
        auth = f"fifo:{self._path}" if self._is_fifo else f"{READ_NUMBER},{WRITE_NUMBER}"
        return f"{_OTHERS.sub('', before)} -j{self._cores} --jobserver-auth={auth}"

    def close(self) -> None:
        """Removes the pipe."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        with contextlib.suppress(OSError):
            self._path.unlink()
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def _open(path: Path, flags: int) -> int:
    """Opens a file with a descriptor that differs from those of the process, so that copying keeps it."""
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN)
    finally:
        os.close(fd)


def knows_fifo(path: str) -> bool:
    """Returns whether the make that a search path has knows the form `fifo`; True if there is none."""
    make = shutil.which("make", path=path)
    if make is None:
        return True
    try:
        stat = os.stat(make)  # noqa: PTH116 - as fast as possible
    except OSError:
        return True
    return _make_knows_fifo(make, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=64)
def _make_knows_fifo(make: str, modified: int, inode: int) -> bool:
    """Queries make once for each file; the arguments besides the path only distinguish files."""
    del modified, inode
    try:
        done = subprocess.run(
            [make, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=False,
            env={},
        )
    except (OSError, subprocess.SubprocessError):
        return True
    version = _VERSION.search(done.stdout)
    return version is None or (int(version[1]), int(version[2])) >= FIFO_SINCE
