"""Small texts that many parts of the hub read or write. Rule: nothing is asked of a file or a database."""

from pathlib import Path

SAME_VERSION = "use the version of gator that the hub has"
"""What to do about a peer that breaks the rules of the protocol."""
_SQLITE = "sqlite:"


def file_of(url: str) -> Path | None:
    """The file that a URL of a database means; None where it means a server."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def url_of(file: Path) -> str:
    """The URL of the database in a file."""
    return f"{_SQLITE}{file}"


def marks(count: int) -> str:
    """So many placeholders of a statement: `?, ?, ?`."""
    return ", ".join("?" * count)


def one_line(error: object) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())
