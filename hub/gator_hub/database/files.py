"""Checks the file of a hub's database before it is opened, and removes one that was just created.

Invariant: a start that is refused leaves no new files.
"""

import os
from pathlib import Path

from gator.errors import UsageError, reason_of

_BEGINNING = b"SQLite format 3\0"


def check_record(file: Path, *, make_folder: bool = False) -> None:
    """Raises UsageError if no database can be at a path. With `make_folder`, its folder may be missing."""
    if not is_there(file) and not make_folder:
        check_folder(Path(os.path.realpath(file)))


def is_there(file: Path) -> bool:
    """Returns whether a file exists. Raises UsageError if it is not a database or cannot be read."""
    # Symbolic links are resolved, so that the folder is that of the file itself.
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
        raise UsageError(f"cannot read {file}: {reason_of(error)}: choose another --db") from error
    # SQLite accepts an empty file as an empty database.
    if beginning and beginning != _BEGINNING:
        raise UsageError(f"{file} is not a database: choose another --db")
    return True


def check_folder(file: Path) -> None:
    """Raises UsageError if the folder of a file does not exist."""
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}: create it first")


def parts(file: Path) -> list[Path]:
    """Returns a file of SQLite with the names of the files that exist beside it while it is open."""
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))]


def remove(file: Path) -> None:
    """Removes a new database with its additional files."""
    for part in parts(Path(os.path.realpath(file))):
        part.unlink(missing_ok=True)
