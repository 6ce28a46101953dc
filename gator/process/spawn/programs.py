"""Finding a program by its name in the PATH of the job, not in that of the daemon.

What was found is kept, and is only trusted until exec says that it is gone.
"""

import errno
import os
import stat

from gator.process.spawn.errors import refuse_lookup

_MAX_KEPT = 1024


class Programs:
    """Paths of programs by name and PATH."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def find(self, name: str, path: str | None) -> tuple[str, bool]:
        """Returns the path of a program, and whether it was cached and so may be outdated.

        A name with a slash is its own path. Relative entries of PATH are sought from the current
        directory and never kept. Raises SpawnError with ENOENT, or EACCES if all that was found cannot
        be executed.
        """
        if "/" in name:
            return name, False
        path = os.defpath if path is None else path
        kept = self._found.get((name, path))
        if kept is not None:
            return kept, True
        program, lasting = _search(name, path)
        if lasting:
            if len(self._found) >= _MAX_KEPT:
                self._found.clear()
            self._found[name, path] = program
        return program, False

    def forget(self, name: str, path: str | None) -> None:
        """Forgets this name, because exec did not find it any more."""
        self._found.pop((name, os.defpath if path is None else path), None)


def _search(name: str, path: str) -> tuple[str, bool]:
    """Searches like execvp(3). The second value is whether no relative entry precedes the result."""
    forbidden = False
    lasting = True
    for folder in path.split(":") if name else ():
        lasting = lasting and folder.startswith("/")
        candidate = f"{folder or '.'}/{name}"
        try:
            mode = os.stat(candidate).st_mode  # noqa: PTH116 - relative to the job's directory, and hot
        except (OSError, ValueError):
            continue
        if not stat.S_ISREG(mode):
            continue
        if os.access(candidate, os.X_OK):
            return candidate, lasting
        forbidden = True
    raise refuse_lookup(name, errno.EACCES if forbidden else errno.ENOENT)
