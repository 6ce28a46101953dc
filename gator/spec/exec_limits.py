"""Length limits of the strings with which a process is started."""

from typing import Final

MAX_STRING_BYTES: Final = 128 * 1024 - 1
"""Maximum length of one argument or variable: MAX_ARG_STRLEN of Linux without the terminating NUL."""


def byte_length(text: str) -> int:
    """Returns the number of bytes of a text as passed to a process."""
    return len(text.encode("utf-8", "surrogateescape"))


def too_long(what: str, size: int) -> str:
    """Returns the error for a string that the kernel does not accept."""
    return f"{what} has {size:,} bytes, and the kernel takes at most {MAX_STRING_BYTES:,}: put it into a file"
