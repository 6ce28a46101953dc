"""Searches chunks of output by regular expressions (RE2), whole chunks at once.

Rule: a hit lies within one line, whatever the expression says about line ends.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

from gator.errors import UsageError

MOST_REPEATS = 5000
"""The numbers in braces of one expression, added up: to compile many would hold up the whole process."""
_REPEATS = re.compile(r"\{(\d{0,9}),?(\d{0,9})\}")


class _Match(Protocol):
    def start(self) -> int: ...


class _Compiled(Protocol):
    def search(self, text: bytes, pos: int, /) -> _Match | None: ...


class Pattern:
    """A regular expression, ready to be used."""

    __slots__ = ("_compiled",)

    def __init__(self, regex: str) -> None:
        """Raises UsageError for an expression that RE2 refuses, or that repeats too much."""
        repeats = sum(max(int(most or 0), int(least or 0)) for least, most in _REPEATS.findall(regex))
        if repeats > MOST_REPEATS:
            raise UsageError(
                f"the regular expression {regex[:50]!r} is refused: its numbers in braces add up "
                f"to {repeats}, and {MOST_REPEATS} are allowed"
            )
        import re2

        library: Any = re2  # it comes without types
        options = library.Options()
        # As Latin-1 any bytes are text. Other letters than ASCII need to be seen as they are written.
        encoding = library.Options.Encoding
        options.encoding = encoding.LATIN1 if regex.isascii() else encoding.UTF8
        options.never_nl = True
        options.log_errors = False
        try:
            self._compiled: _Compiled = library.compile(b"(?m)" + regex.encode(), options)
        except library.error as error:
            reason: Any = error.args[0] if error.args else error
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise UsageError(f"the regular expression {regex!r} is refused: {text}") from error

    def lines(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Start and end, without the line end, of each line in `data` that has a hit."""
        search, find = self._compiled.search, data.find
        position = 0
        size = len(data)
        while position < size and (match := search(data, position)) is not None:
            at = match.start()
            start = data.rfind(b"\n", position, at) + 1 or position
            end = find(b"\n", at)
            if end < 0:
                end = size
            if start < size:
                yield start, end
            position = end + 1

    def found(self, line: bytes) -> bool:
        """Whether it is found in one line."""
        return self._compiled.search(line, 0) is not None
