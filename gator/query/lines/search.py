"""Searches chunks of output by regular expressions (RE2), whole chunks at once.

Invariant: a hit lies within one line, whatever the expression says about line ends.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

from gator.core.text import shorten_values
from gator.errors import UsageError

MAX_REPEATS = 5000
"""Maximum sum of the repeat counts of an expression, because compiling many blocks the process."""
_REPEATS = re.compile(r"\{(\d{0,9}),?(\d{0,9})\}")

_TOKENS = re.compile(r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|[()]", re.DOTALL)
"""Matches parentheses, and literals and classes, which hide parentheses."""


class _Match(Protocol):
    def start(self) -> int: ...


class _Compiled(Protocol):
    def search(self, text: bytes, pos: int, /) -> _Match | None: ...


class Pattern:
    """A compiled regular expression."""

    __slots__ = ("_compiled",)

    def __init__(self, regex: str) -> None:
        """Raises UsageError for an expression that RE2 refuses or that has too large repeat counts."""
        repeats = sum(
            max(int(maximum or 0), int(minimum or 0)) for minimum, maximum in _REPEATS.findall(regex)
        )
        if repeats > MAX_REPEATS:
            raise UsageError(
                f"the regular expression {regex[:50]!r} is refused: its numbers in braces add up "
                f"to {repeats}; the maximum is {MAX_REPEATS}"
            )
        import re2

        library: Any = re2  # it comes without types
        options = library.Options()
        # In Latin-1 all bytes are text. Letters beyond ASCII are encoded as they occur in the data.
        encoding = library.Options.Encoding
        options.encoding = encoding.LATIN1 if regex.isascii() else encoding.UTF8
        options.never_nl = True
        options.log_errors = False
        try:
            self._compiled: _Compiled = library.compile(b"(?m)" + regex.encode(), options)
        except library.error as error:
            reason: Any = error.args[0] if error.args else error
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            fault = _fault(text.replace(f"(?m){regex}", regex), regex)
            raise UsageError(
                f"the regular expression {shorten_values(repr(regex))} is refused: {fault}"
            ) from error

    def lines(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yields start and end, without the line end, of each line in `data` that has a hit."""
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

    def matches(self, line: bytes) -> bool:
        """Returns whether a line has a hit."""
        return self._compiled.search(line, 0) is not None


def _fault(error: str, regex: str) -> str:
    """Returns the error of RE2 with its position, without the expression."""
    what, _, part = error.partition(": ")
    if what in ("missing )", "unexpected )"):
        at = _parenthesis_alone(regex)
        what = "a ( is not closed" if what == "missing )" else "a ) closes nothing"
    else:
        at = regex.find(part) if part and regex.count(part) == 1 else -1
        if what == "missing ]":
            what = "a [ is not closed"
        elif part and part != regex:
            what = f"{what} {part}"
    return f"{what} (character {at + 1})" if at >= 0 else what


def _parenthesis_alone(regex: str) -> int:
    """Returns the position of the first unbalanced parenthesis; -1 if it cannot be found."""
    opened = list[int]()
    for token in _TOKENS.finditer(regex):
        if token[0] == "(":
            opened.append(token.start())
        elif token[0] == ")":
            if not opened:
                return token.start()
            opened.pop()
    return opened[0] if opened else -1
