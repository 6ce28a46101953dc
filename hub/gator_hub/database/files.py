"""The file of a hub's record, before it is opened: whether it may be one, and what to take away again.

Rule: a start that is refused leaves nothing behind that was not there before.
"""

import os
from pathlib import Path

from gator.errors import UsageError

_BEGINNING = b"SQLite format 3\0"


def check_record(file: Path, *, make_folder: bool = False) -> None:
    """Raises UsageError when no record can be at a path; `make_folder`: its folder may be made later."""
    if not is_there(file) and not make_folder:
        check_folder(Path(os.path.realpath(file)))


def is_there(file: Path) -> bool:
    """Whether there is what may be a record. Raises UsageError when it can be none, or cannot be read."""
    # The folder is that of the file, not that of a link to it.
    real = Path(os.path.realpath(file))
    try:
        if real.is_dir():
            raise UsageError(f"{file} is a folder: name a file in it")
        if not real.exists():
            return False
        if not real.is_file():
            raise UsageError(f"{file} is not a file: choose another --db")
        with real.open("rb") as reader:
            beginning = reader.read(len(_BEGINNING))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}; choose another --db") from error
    # An empty one is a record that somebody has made room for.
    if beginning and beginning != _BEGINNING:
        raise UsageError(f"{file} is not a database: choose another --db")
    return True


def check_folder(file: Path) -> None:
    """Raises UsageError when a file is to be made in a folder that is not there."""
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}: create it first")


def parts(file: Path) -> list[Path]:
    """A file of SQLite with those that stand beside it while it is open."""
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))]


def remove(file: Path) -> None:
    """Take a record away that nobody has written to."""
    for part in parts(Path(os.path.realpath(file))):
        part.unlink(missing_ok=True)
