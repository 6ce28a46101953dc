"""The formats of reports by name, and which one a file has."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from gator.core.reports.report import Report

FORMATS: Final = ("junit", "tap", "go")
"""Names of the formats."""
_MAX_LINE: Final = 1 << 20
"""Maximum length of a line; longer ones are cut in pieces."""


def read_report(chunks: Iterable[bytes], format_name: str = "") -> Report:
    """Returns the report in the pieces of a file; without a format its beginning says which one it has."""
    pieces = iter(chunks)
    first = next(pieces, b"")
    while not first.strip() and (more := next(pieces, b"")):
        first += more
    if not first.strip():
        return Report("", problem="is empty")
    pieces = chain((first,), pieces)
    match format_name or _format_of(first):
        case "junit":
            from gator.core.reports.junit import read_junit

            return read_junit(pieces)
        case "go":
            from gator.core.reports.go import read_go

            return read_go(_lines(pieces))
        case _:
            from gator.core.reports.tap import read_tap

            return read_tap(_lines(pieces))


def _format_of(beginning: bytes) -> str:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<") or text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "junit"
    return "go" if text.startswith(b"{") else "tap"


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > _MAX_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest
