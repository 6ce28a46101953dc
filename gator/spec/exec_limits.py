"""Limits of what a job can start: one program, and the lengths of the strings it gets."""

from collections.abc import Iterable
from typing import Final

MAX_STRING_BYTES: Final = 128 * 1024 - 1
"""Maximum length of one argument or variable: MAX_ARG_STRLEN of Linux without the terminating NUL."""
USUAL_TOTAL_BYTES: Final = 2 << 20
"""Maximum length of all arguments and variables together: a quarter of the usual stack limit of 8 MiB."""
_POINTER_BYTES: Final = 8
ONE_PROGRAM: Final = "'command' is one program, not a shell command: put arguments in 'args', or use 'shell'"
"""Advice for a command that looks like one for a shell."""


def byte_length(text: str) -> int:
    """Returns the number of bytes of a string as passed to a process."""
    return len(text.encode("utf-8", "surrogateescape"))


def total_length(texts: Iterable[str]) -> int:
    """Returns the bytes that the kernel counts for arguments and variables: strings, NULs and pointers."""
    return sum(byte_length(text) + 1 + _POINTER_BYTES for text in texts)


def too_long(what: str, size: int) -> str:
    """Returns the error for a string that the kernel does not accept."""
    return f"{what} is {size:,} bytes; the maximum of the kernel is {MAX_STRING_BYTES:,}: put it into a file"
