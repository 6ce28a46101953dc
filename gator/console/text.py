"""The shape of text on a terminal: colours, width, cutting and columns.

Invariant: a string never takes more cells than it was given; where terminals differ, the larger width counts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from unicodedata import category, east_asian_width

from gator.core.visible import visible_line

STYLES: Final = {
    "passed": "32",
    "failed": "31",
    "lost": "35",
    "pruned": "2",
    "cancelled": "33",
    "running": "36",
    "waiting": "2",
    "critical": "1;31",
    "error": "31",
    "warning": "33",
    "debug": "2",
    "dim": "2",
    "bold": "1",
    "path": "36",
}
"""SGR parameters (ECMA-48) by style: an outcome, a severity or a purpose."""
CODES: Final = "|".join(("0", *dict.fromkeys(STYLES.values())))
"""Regular expression of the parameters that Gator uses; all others are removed from foreign text."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_NO_ROOM: Final = frozenset({"Mn", "Me", "Cf"})
_EMOJI_STYLE: Final = "\ufe0f"
"""Requests the wide form of the character before (Unicode Standard Annex 11 leaves it to the terminal)."""


def styled(text: str, style: str) -> str:
    """Returns the text with the colour of a style; unchanged if there is no such style."""
    code = STYLES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if character == _EMOJI_STYLE:
        return 1
    if category(character) in _NO_ROOM:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cells(text: str) -> int:
    """Returns the cells of a string without control characters."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def cut(text: str, maximum: int, mark: str = "…") -> str:
    """Returns the text, its end cut off if it takes more than `maximum` cells."""
    if cells(text) <= maximum:
        return text
    room = maximum - cells(mark)
    if room < 0:
        return ""
    for index, character in enumerate(text):
        room -= _cell(character)
        if room < 0:
            return text[:index] + mark
    return text


def cut_front(text: str, maximum: int, mark: str = "…") -> str:
    """Returns the text, its beginning cut off if it takes more than `maximum` cells."""
    if cells(text) <= maximum:
        return text
    room = maximum - cells(mark)
    if room < 0:
        return ""
    index = len(text)
    while index and (room := room - _cell(text[index - 1])) >= 0:
        index -= 1
    # A combining character without its base would modify the mark.
    while index < len(text) and _cell(text[index]) == 0:
        index += 1
    return mark + text[index:]


def one_line(text: str) -> str:
    """Returns the first line of a string as a terminal shows it in the end, without colours."""
    first = text.split("\n", 1)[0].rstrip()
    return visible_line(first.encode("utf-8", "surrogateescape"), colours=False).replace("\t", " ")


def column_lines(
    rows: Iterable[Sequence[str]], right: frozenset[int], clean: Callable[[str], str]
) -> Iterator[str]:
    """Yields rows as lines with aligned columns; columns whose number is in `right` are aligned to the right.

    `clean` makes a cell safe for the output; colours take no room.
    """
    texts = [[clean(cell) for cell in row] for row in rows]
    sizes = [[cells(_COLOUR.sub("", cell) if "\x1b" in cell else cell) for cell in row] for row in texts]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    for row, taken in zip(texts, sizes, strict=True):
        yield "  ".join(
            " " * (width - size) + cell if at in right else cell + " " * (width - size)
            for at, (cell, size, width) in enumerate(zip(row, taken, widths, strict=True))
        ).rstrip()
