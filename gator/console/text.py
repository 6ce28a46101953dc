"""How much room text takes in a terminal, and text cut to the room there is.

The rule: what is shown never takes more cells than it was given; where terminals differ, the wider counts.
"""

from functools import lru_cache
from unicodedata import category, east_asian_width

from gator.core.visible import visible_line

_NO_ROOM = frozenset({"Mn", "Me", "Cf"})
_EMOJI_STYLE = "\ufe0f"
"""Asks for the wide form of the character before (Unicode Standard Annex 11 leaves it to the terminal)."""


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if character == _EMOJI_STYLE:
        return 1
    if category(character) in _NO_ROOM:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cells(text: str) -> int:
    """Cells that a text without control characters takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def cut(text: str, most: int, mark: str = "…") -> str:
    """Returns the text, its end cut off where it takes more than `most` cells."""
    if cells(text) <= most:
        return text
    room = most - cells(mark)
    if room < 0:
        return ""
    for place, character in enumerate(text):
        room -= _cell(character)
        if room < 0:
            return text[:place] + mark
    return text


def cut_front(text: str, most: int, mark: str = "…") -> str:
    """Returns the text, its beginning cut off where it takes more than `most` cells."""
    if cells(text) <= most:
        return text
    room = most - cells(mark)
    if room < 0:
        return ""
    place = len(text)
    while place and (room := room - _cell(text[place - 1])) >= 0:
        place -= 1
    # What modifies a character that is cut off would modify the mark.
    while place < len(text) and _cell(text[place]) == 0:
        place += 1
    return mark + text[place:]


def one_line(text: str) -> str:
    """Returns the first line of a text as a terminal shows it in the end, without colours."""
    first = text.split("\n", 1)[0].rstrip()
    return visible_line(first.encode("utf-8", "surrogateescape"), colours=False).replace("\t", " ")
