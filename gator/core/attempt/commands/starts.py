"""Finds the lines that begin with `::`, as commands do."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, cast

from gator.ansi import ANSI_PATTERN

_SMALL_BYTES: Final = 4096
"""Data up to this size is searched without RE2, whose import takes milliseconds."""
_BEGIN: Final = re.compile(rb"\n(?:" + ANSI_PATTERN + rb")*::")


def starts_of(data: bytes) -> Iterator[int]:
    """Yields where lines begin with `::`, maybe after escape sequences."""
    if b"\x1b" in data:
        yield from (match.start() for match in _BEGIN.finditer(b"\n" + data))
        return
    if data.startswith(b"::"):
        yield 0
    at = data.find(b"\n::")
    while at >= 0:
        yield at + 1
        at = data.find(b"\n::", at + 2)


def may_begin(data: bytes) -> bool:
    """Returns whether the first line may begin with `::`."""
    return data.startswith((b"::", b"\x1b")) and _BEGIN.match(b"\n" + data) is not None


def has_command(data: bytes) -> bool:
    """Returns whether a line after the first may begin with `::`."""
    if len(data) <= _SMALL_BYTES:
        if b"\x1b" not in data:
            return b"\n::" in data
        return b"::" in data and _BEGIN.search(data) is not None
    if b"\x1b" not in data:
        return _search(rb"\n::")(data) is not None
    # Most coloured output has no `::` at all.
    return _search(rb"::")(data) is not None and _search(rb"\n(?:\x1b[^\n]*)?::")(data) is not None


@cache
def _search(pattern: bytes) -> Callable[[bytes], Any]:
    """Returns a search with RE2, eight times as fast as that of bytes."""
    import re2

    module = cast("Any", re2)
    options = module.Options()
    options.encoding = module.Options.Encoding.LATIN1
    return cast("Callable[[bytes], Any]", module.compile(pattern, options).search)
