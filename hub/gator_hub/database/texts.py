"""Helpers for strings that many parts of the hub use: URLs of databases, placeholders, messages.

Invariant: no file or database is accessed.
"""

from pathlib import Path
from typing import Any

from gator.core.text import without_nul

MAX_QUOTED = 200
"""Maximum number of characters of a string from a peer that a message quotes."""
SAME_VERSION = "use the version of gator that the hub has"
"""Advice in errors about a peer that violates the protocol."""
_SQLITE = "sqlite:"


def file_of(url: str) -> Path | None:
    """Returns the file of a database URL; None for the URL of a server."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def url_of(file: Path) -> str:
    """Returns the URL of the database in a file."""
    return f"{_SQLITE}{file}"


def placeholders(count: int) -> str:
    """Returns `count` placeholders for a statement, such as `?, ?, ?`."""
    return ", ".join("?" * count)


def one_line(error: object) -> str:
    """Returns the message of an error in one line."""
    return " ".join(str(error).split())


def storable(value: Any) -> Any:
    """Returns a value as both databases can store it: a string without NUL, which PostgreSQL refuses."""
    return without_nul(value) if type(value) is str else value
