"""Finds and reads the gator.toml files of a project and of the user.

Invariant: skips a project file of another user in a folder that everyone may write to.
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gator.core.text import cut, readable
from gator.errors import UsageError, reason_of
from gator.files.bounded import read_bounded

NAME: Final = "gator.toml"
VARIABLE: Final = "GATOR_CONFIG"
"""Variable with the path of the user's file, or `none`: then neither file is read."""
NO_CONFIG: Final = "none"
MAX_BYTES: Final = 1 << 20
"""Maximum size of a gator.toml."""


def files_for(folder: Path, environment: Mapping[str, str]) -> list[Path]:
    """Returns the file of the project of a folder, and that of the user, as far as they exist.

    Raises UsageError if the variable `GATOR_CONFIG` names no file.
    """
    named = environment.get(VARIABLE, "").strip()
    if named.lower() == NO_CONFIG:
        return []
    if named:
        user = Path(named).absolute()
        try:
            user.stat()
        except OSError as error:
            message = f"{VARIABLE}={cut(named, 100)}: {reason_of(error)}: name a gator.toml, or none"
            raise UsageError(message) from error
    else:
        home = environment.get("XDG_CONFIG_HOME", "")
        base = Path(home) if home.startswith("/") else _home_config(environment)
        user = base / "gator" / NAME if base is not None else None
    project = project_file(folder)
    files = [path for path in (project, user) if path is not None and _is_there(path)]
    if len(files) > 1 and os.path.realpath(files[0]) == os.path.realpath(files[1]):
        del files[1]
    return files


def _home_config(environment: Mapping[str, str]) -> Path | None:
    home = environment.get("HOME", "")
    return Path(home) / ".config" if home.startswith("/") else None


def project_file(folder: Path) -> Path | None:
    """Returns the first gator.toml from a folder upwards, not above the root of a git work tree.

    Skips one that belongs to another user, in a folder that everyone may write to.
    """
    for above in (folder, *folder.parents):
        path = above / NAME
        if _is_there(path) and not _is_anyones(above, path):
            return path
        try:
            if (above / ".git").exists():
                return None
        except OSError:
            return None
    return None


def _is_there(path: Path) -> bool:
    # Also a link to nothing: without its values the run would differ.
    return os.path.lexists(path)


def _is_anyones(folder: Path, path: Path) -> bool:
    """Returns whether another user may have put the file into a shared folder such as /tmp."""
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH) and path.stat().st_uid != os.geteuid()
    except OSError:
        return True


def read_config(path: Path) -> bytes:
    """Returns the content of a gator.toml. Raises UsageError if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A FIFO may have no writer.
            raise OSError(errno.EINVAL, "it is not a regular file")
        return read_bounded(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read {readable(os.fsencode(path))}: {reason_of(error)}") from error
